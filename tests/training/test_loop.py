import dataclasses
import itertools
import os
import random
import signal
import subprocess
import time

import jax
import numpy as np
import pytest
import toy
from toy_runs import finish, record, start

from t2f_jax.config.typed import to_dict
from t2f_jax.errors import DiskFull, UserError
from t2f_jax.io import metrics
from t2f_jax.training import checkpoint


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run: its record and the digest of its final state."""
    out = tmp_path_factory.mktemp("whole")
    return finish(out)[0], record(out)


def test_a_run_records_every_step_and_evaluation_once(whole):
    rows = whole[1]
    assert [r["step"] for r in metrics.train_rows(rows)] == list(range(1, 25))
    assert [r["step"] for r in metrics.eval_rows(rows)] == [4, 8, 12, 16, 20, 24]
    evals = [r["loss"] for r in metrics.eval_rows(rows)]
    assert evals[-1] < 0.8 * evals[0]


def test_killed_and_run_again_gives_the_same_bits(whole, tmp_path):
    finish(tmp_path, "--kill", "14", code=-signal.SIGKILL)
    interrupted = record(tmp_path)
    assert metrics.train_rows(interrupted)[-1]["step"] in (13, 14)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 15, "lo')
    digest, err = finish(tmp_path)
    assert "resuming after step" in err
    assert record(tmp_path) == whole[1]
    assert digest == whole[0]


@pytest.mark.slow
def test_killed_many_times_at_any_moment_gives_the_same_bits(whole, tmp_path):
    rng, kills, numbers = random.Random(0), [], tmp_path / "metrics.jsonl"
    for _ in range(10):
        process = start(tmp_path, "--wait", "0.2", "save_every=1", "keep_last=3")
        more, before = rng.randint(0, 5), None
        while more > 0 and process.poll() is None:  # lines, as how long a start takes says nothing on a busy machine
            now = len(metrics.read(numbers))
            more -= max(now - (now if before is None else before), 0)  # a start cuts what it does again
            before = now
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.4))
        process.kill()
        process.communicate()
        if process.returncode == 0:
            break
        kills.append(len(metrics.read(numbers)))
        print(f"SIGKILL at line {kills[-1]}")
    digest, _ = finish(tmp_path, "save_every=1", "keep_last=3")
    assert len(kills) >= 5 and len(set(kills)) >= 4, kills
    assert record(tmp_path) == whole[1]
    assert digest == whole[0]
    assert all(p.name.isdecimal() for p in (tmp_path / "checkpoints").iterdir())


@pytest.mark.slow
def test_killed_at_random_steps_gives_the_same_bits(whole, tmp_path):
    for step in sorted(random.Random(1).sample(range(1, 24), 8)):
        process = start(tmp_path, "--kill", str(step), "save_every=2")
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    assert finish(tmp_path)[0] == whole[0]
    assert record(tmp_path) == whole[1]


def test_sigterm_saves_and_leaves_with_143_and_the_run_goes_on(whole, tmp_path):
    _, err = finish(tmp_path, "--term", "9", code=143)
    stopped = metrics.train_rows(record(tmp_path))[-1]["step"]
    assert stopped in (9, 10) and f"stopped after step {stopped}, which is saved" in err
    digest, err = finish(tmp_path)
    assert f"resuming after step {stopped}" in err
    assert record(tmp_path) == whole[1] and digest == whole[0]


@pytest.mark.parametrize("mesh", ["data=8", "data=2,fsdp=4", pytest.param("fsdp=4,tensor=2", marks=pytest.mark.slow)])
def test_eight_devices_equal_one(whole, tmp_path, mesh):
    """And what eight saved, one goes on with: the last part runs on a single device."""
    finish(tmp_path, f"mesh='{mesh}'", "--kill", "17", devices=8, code=-signal.SIGKILL)
    finish(tmp_path)
    for got, want in zip(record(tmp_path), whole[1], strict=True):
        assert got["step"] == want["step"]
        np.testing.assert_allclose(got.get("eval", got)["loss"], want.get("eval", want)["loss"], rtol=1e-5)
    rows = [r["step"] for r in metrics.read(tmp_path / "metrics.jsonl") if "compile_seconds" in r]
    assert len(rows) == 2 and rows[0] == 1 and rows[1] > 8  # a second process took over


def test_a_finished_run_returns_at_once_with_its_state(tmp_path):
    first = toy.run(tmp_path)
    before = (tmp_path / "metrics.jsonl").read_bytes()

    def no_data(step):
        raise AssertionError("a finished run reads no data")

    again = toy.run(tmp_path, toy.CONFIG, no_data)
    assert toy.digest(first) == toy.digest(again)
    assert (tmp_path / "metrics.jsonl").read_bytes() == before


def test_a_changed_config_is_refused(tmp_path):
    config = dataclasses.replace(toy.CONFIG, steps=4)
    toy.run(tmp_path, config)
    with pytest.raises(UserError, match=r"another config: train.steps was 4, now 8; give the old values"):
        toy.run(tmp_path, dataclasses.replace(config, steps=8))
    with pytest.raises(UserError, match=r"width was None, now 2"):
        toy.run(tmp_path, config, identity={"train": to_dict(config), "width": 2})
    toy.run(tmp_path, dataclasses.replace(config, save_every=3, eval_every=1, keep_last=5, mesh="data=1"))


def test_a_loss_that_is_no_number_ends_the_run_and_is_never_saved(tmp_path):
    config = dataclasses.replace(toy.CONFIG, steps=12)

    class Breaks(toy.Toy):
        def step(self, s, batch, key):
            new, numbers = super().step(s, batch, key)
            bad = jax.numpy.where(s.step >= 6, jax.numpy.nan, 1.0)
            return new, {**numbers, "loss": numbers["loss"] * bad}

    with pytest.raises(UserError, match=r"toy: the loss is nan at step 7; the last good checkpoint is of step 4"):
        toy.run(tmp_path, config, trainer=Breaks(config))
    assert [r["step"] for r in metrics.train_rows(record(tmp_path))] == [1, 2, 3, 4, 5, 6]
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["4"]


def test_weights_that_are_no_numbers_are_never_saved(tmp_path):
    config = dataclasses.replace(toy.CONFIG, steps=8, eval_every=0, save_every=1)

    class Breaks(toy.Toy):
        def step(self, s, batch, key):
            new, numbers = super().step(s, batch, key)
            params = jax.tree.map(lambda x: jax.numpy.where(s.step == 2, jax.numpy.inf, x), new.params)
            return new.replace(params=params), numbers

    with pytest.raises(UserError, match=r"the weights are not finite at step 3; the last good checkpoint is of step 2"):
        toy.run(tmp_path, config, trainer=Breaks(config))


def test_data_that_ends_and_empty_held_out_data_are_named(tmp_path):
    def short(start):
        return itertools.islice(toy.train_batches(start), 2)

    with pytest.raises(UserError, match="the training data ended after step 2 of 24"):
        toy.run(tmp_path / "a", batches=short)
    with pytest.raises(UserError, match="held-out data is empty"):
        toy.run(tmp_path / "b", held_out=list)
    with pytest.raises(UserError, match="asks for 64 devices"):
        toy.run(tmp_path / "c", dataclasses.replace(toy.CONFIG, mesh="data=64"))


def test_evaluation_weighs_rows_and_a_better_one_is_saved_though_no_save_is_due(tmp_path):
    config = dataclasses.replace(toy.CONFIG, steps=6, eval_every=2, save_every=100, eval_batches=0, keep_last=1)

    def held_out():
        yield {"x": np.zeros((4, 8), np.float32), "y": np.full((4, 8), 2.0, np.float32)}
        yield {"x": np.zeros((1, 8), np.float32), "y": np.full((1, 8), 7.0, np.float32)}

    class Still(toy.Toy):
        def evaluate(self, s, batch):
            return {"loss": batch["y"].mean() + abs(s.step - 2.0)}

    toy.run(tmp_path, config, trainer=Still(config), held_out=held_out)
    losses = [(r["step"], r["loss"]) for r in metrics.eval_rows(record(tmp_path))]
    assert losses == [(2, 3.0), (4, 5.0), (6, 7.0)]
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["2", "6"]


def test_a_profiler_traces_the_chosen_steps_and_changes_no_number(whole, tmp_path, capsys):
    toy.run(tmp_path, dataclasses.replace(toy.CONFIG, profile="3-5"))
    (trace,) = (tmp_path / "tensorboard").glob("plugins/profile/*/*.xplane.pb")
    assert b"step_num" in trace.read_bytes()
    assert f"a trace up to step 5 is in {tmp_path / 'tensorboard'}" in capsys.readouterr().err
    same = [(got["step"], got.get("eval", got)["loss"]) for got in record(tmp_path)]
    np.testing.assert_allclose(same, [(w["step"], w.get("eval", w)["loss"]) for w in whole[1]], rtol=1e-5)
    toy.run(tmp_path, dataclasses.replace(toy.CONFIG, profile="2-2"))  # may change, and a finished run traces nothing
    for wrong in ("5", "5-3", "0-2", "20-25", "a-b"):
        with pytest.raises(
            UserError, match=rf"train.profile={wrong} must be FIRST-LAST, such as 100-105, within .* 24"
        ):
            toy.run(tmp_path / wrong, dataclasses.replace(toy.CONFIG, profile=wrong))


def test_a_trace_that_cannot_be_made_ends_no_run(tmp_path, monkeypatch, capsys):
    def fail(*_):
        raise RuntimeError("only one profile may be made at a time")

    monkeypatch.setattr(jax.profiler, "start_trace", fail)
    toy.run(tmp_path, dataclasses.replace(toy.CONFIG, profile="3-5", steps=8))
    assert "no trace of the steps: only one profile" in capsys.readouterr().err


def test_the_loop_costs_less_than_the_steps(tmp_path):
    """A step of the toy takes well under a millisecond; with everything around it a loop's step stays near one."""
    config = dataclasses.replace(toy.CONFIG, steps=600, eval_every=0, save_every=0)
    toy.run(tmp_path, config)
    seconds = [r["seconds"] for r in metrics.train_rows(metrics.read(tmp_path / "metrics.jsonl"))]
    assert np.median(seconds) < 5e-3  # generous: a shared machine


def test_a_disk_that_is_full_is_told_and_the_earlier_checkpoint_is_whole(tmp_path, monkeypatch):
    save = checkpoint.Checkpoints.save

    def full(self, state, step, loss):
        if step == 12:
            self.wait()
            raise ValueError("RESOURCE_EXHAUSTED: Failed writing: No space left on device [os_error_code='28']")
        save(self, state, step, loss)

    monkeypatch.setattr(checkpoint.Checkpoints, "save", full)
    with pytest.raises(
        DiskFull, match=r"toy: .*: No space left on device; the checkpoint of step 8 is whole: free some space"
    ):
        toy.run(tmp_path)
    monkeypatch.setattr(checkpoint.Checkpoints, "save", save)
    toy.run(tmp_path)
    assert [r["step"] for r in metrics.train_rows(record(tmp_path))] == list(range(1, 25))


@pytest.mark.slow
def test_a_small_disk(tmp_path):
    """A real one, of 300 kB; needs the right to mount."""
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "t2f", tmp_path]).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        _, err = finish(tmp_path / "run", "keep_last=9", code=2)  # nothing is deleted to make room
        told = err.splitlines()[-1]
        assert "No space left on device; the checkpoint of step" in told and "is whole: free some space" in told
        subprocess.run(["mount", "-o", "remount,size=20m", tmp_path], check=True)
        _, err = finish(tmp_path / "run")
        assert f"resuming after step {told.split('of step ')[1].split()[0]}" in err
        assert [r["step"] for r in metrics.train_rows(record(tmp_path / "run"))] == list(range(1, 25))
    finally:
        subprocess.run(["umount", tmp_path], check=True)
