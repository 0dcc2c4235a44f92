"""Runs one after another: what is finished stays, one that fails ends nothing, an interrupt reaches the run."""

import dataclasses
import json
import pathlib
import signal
import sys

import pytest
import sweep_runs

from t2f_jax.cli import interrupts
from t2f_jax.config.sweep import Arm
from t2f_jax.errors import UserError
from t2f_jax.experiments import stages
from t2f_jax.experiments.sweeps import results, runner

# The program that stands in for a run: python -c PROGRAM LOG NAME FIGURES-FILE FIGURES
PROGRAM = """
import os, pathlib, signal, sys
log, name, path, text = sys.argv[1:]
open(log, "a").write(name + "\\n")
if name == "causal-1" and not os.path.exists(log + ".mended"):
    os.kill(os.getpid(), signal.SIGKILL)
if name == "wide-0" and not os.path.exists(log + ".mended"):
    pathlib.Path(path).with_name("failure.txt").write_text("the loss is nan at step 3")
    sys.exit(2)
if name == os.environ.get("STOP_AT"):
    number = getattr(signal, os.environ["STOP_BY"])
    def stop(number, _):
        open(log, "a").write("saved\\n")
        sys.exit(128 + number)
    signal.signal(signal.SIGINT, stop if number == signal.SIGINT else signal.SIG_IGN)  # ignored, as by nohup
    signal.signal(signal.SIGTERM, stop)
    os.kill(os.getppid(), number)
    signal.pause()
pathlib.Path(path).write_text(text)
"""


@pytest.fixture
def trials():
    return [trial for trial, _ in sweep_runs.found() if trial.seed < 2 and trial.arm.name != "x"]


@pytest.fixture
def command(tmp_path):
    (tmp_path / "made").mkdir()

    def command(trial):
        folder = runner.folder_of(tmp_path, trial)
        folder.mkdir(parents=True, exist_ok=True)
        results.write(tmp_path / "made", trial, sweep_runs.result(0.5, 0.9))
        text = (tmp_path / "made" / results.FIGURES).read_text()
        path = str(folder / results.FIGURES)
        return [sys.executable, "-S", "-c", PROGRAM, str(tmp_path / "log"), trial.name, path, text]

    return command


def log(folder):
    return (folder / "log").read_text().split()


def test_a_run_that_fails_does_not_end_the_sweep_and_is_tried_again(tmp_path, trials, command):
    failed = runner.run_all(trials, tmp_path, command)
    assert failed == {"wide-0": "the loss is nan at step 3", "causal-1": "ended by SIGKILL"}
    assert log(tmp_path) == [trial.name for trial in trials]
    (tmp_path / "log.mended").touch()
    assert runner.run_all(trials, tmp_path, command) == {}
    assert log(tmp_path)[len(trials) :] == ["wide-0", "causal-1"], "what is finished is not done again"
    assert not list(tmp_path.rglob(runner.FAILURE))


def test_arms_of_the_same_config_are_one_run(tmp_path, trials, command):
    twin = dataclasses.replace(trials[0], arm=Arm("twin", {}))
    runner.run_all([trials[0], twin], tmp_path, command)
    assert log(tmp_path) == ["baseline-0"] and results.read(runner.folder_of(tmp_path, twin), twin)
    assert runner.distinct([*trials, twin]) == trials  # each run where it is first named


def test_no_run_begins_when_the_hours_are_spent(tmp_path, trials, command, capsys):
    (tmp_path / "log.mended").touch()
    assert runner.run_all(trials, tmp_path, command, hours=100 / 3600) == {}
    assert log(tmp_path) == ["baseline-0", "causal-0"]  # 60 s each
    assert "0.03 h of runs are done, the limit is 0.0277778 h; wide-0 is not started" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_an_end_from_outside_is_handed_on_and_the_sweep_goes_on_from_there(
    name, code, tmp_path, trials, command, monkeypatch
):
    (tmp_path / "log.mended").touch()
    monkeypatch.setenv("STOP_AT", "causal-0")
    monkeypatch.setenv("STOP_BY", name)
    before = {number: signal.signal(number, interrupts._end) for number in interrupts._numbers()}
    try:
        with pytest.raises(SystemExit) as end:  # the run has told of it
            runner.run_all(trials, tmp_path, command)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert end.value.code == code and log(tmp_path) == ["baseline-0", "causal-0", "saved"]
    monkeypatch.delenv("STOP_AT")
    assert runner.run_all(trials, tmp_path, command) == {}
    assert log(tmp_path)[3:] == [trial.name for trial in trials[1:]]


def test_a_command_for_each_run_that_is_not_finished(tmp_path, trials, capsys):
    folder = runner.folder_of(tmp_path, trials[1])
    folder.mkdir(parents=True)
    results.write(folder, trials[1], sweep_runs.result(0.5, 0.9))
    lines = runner.lines(trials[:3], tmp_path, ["t2f", "sweep", "my configs.py"], "launch/slurm --name {run} --")
    assert lines == [
        "launch/slurm --name shared -- t2f sweep 'my configs.py' --shared",
        "launch/slurm --name baseline-0 -- t2f sweep 'my configs.py' --run baseline-0",
        "launch/slurm --name wide-0 -- t2f sweep 'my configs.py' --run wide-0",
    ]
    assert runner.lines([trials[1]], tmp_path, ["t2f"]) == [] and not capsys.readouterr().err
    twin = dataclasses.replace(trials[0], arm=dataclasses.replace(trials[0].arm, name="twin"))
    assert len(runner.lines([trials[0], twin], tmp_path, ["t2f"])) == 2
    assert "twin-0 is the same run as baseline-0" in capsys.readouterr().err


def test_runs_share_what_was_made_with_the_same_settings(tmp_path, trials, monkeypatch):
    made = []
    monkeypatch.setattr(stages, "own_tokenizer", lambda _, place, cache: made.append(place.name) or place / "tokenizer")
    monkeypatch.setattr(stages, "prepare_store", lambda _, tokenizer, place, cache: made.append(place.name) or place)

    def shared(**changes):
        base = trials[0].config
        image = dataclasses.replace(base.image, model=dataclasses.replace(base.image.model, **changes.pop("model", {})))
        return runner.make_shared(dataclasses.replace(base, image=image, **changes), tmp_path)

    first = shared()
    assert first == runner.make_shared(trials[1].config, tmp_path), "a decoder's settings make no difference"
    text = shared(text=dataclasses.replace(trials[0].config.text, phrases=True))
    assert text[0] == first[0] and text[1] != first[1]
    codes = shared(model={"n_embed": 64})
    assert codes[0] != first[0] and codes[1] not in (first[1], text[1])
    assert len(set(made)) == 5 and not any((tmp_path / runner.SHARED).rglob(".lock*"))


def test_the_reason_of_a_failure_stays_in_the_runs_folder(tmp_path, trials, monkeypatch):
    def fail(*_):
        raise UserError("no room\nat all")

    monkeypatch.setattr(runner, "_train_and_measure", fail)
    folder = runner.folder_of(tmp_path, trials[0])
    with pytest.raises(UserError, match="no room"):
        runner.run(trials[0], tmp_path)
    assert (folder / runner.FAILURE).read_text() == "no room at all"
    results.write(folder, trials[0], sweep_runs.result(0.5, 0.9))
    assert runner.run(trials[0], tmp_path).figures["held_out/loss"].value == 0.5


def test_names_that_are_not_there_are_told(trials):
    assert [t.name for t in runner.choose(trials, ["wide"], "baseline")] == [
        "baseline-0", "wide-0", "baseline-1", "wide-1"
    ]  # fmt: skip
    with pytest.raises(UserError, match="no arm 'causl'; its arms are baseline, causal, wide"):
        runner.choose(trials, ["causl"], "baseline")
    with pytest.raises(UserError, match="no run 'causal-7'; its runs are baseline-0, "):
        runner.find(trials, "causal-7")


def test_a_result_is_read_as_it_was_written_and_a_stale_or_damaged_one_is_none(tmp_path, trials):
    trial, result = trials[0], sweep_runs.result(0.5, 0.9)
    results.write(tmp_path, trial, result)
    assert results.read(tmp_path, trial) == result
    other = dataclasses.replace(trial.config, eval=dataclasses.replace(trial.config.eval, faces=7))
    assert results.read(tmp_path, dataclasses.replace(trial, config=other)) is None
    path = pathlib.Path(tmp_path / results.FIGURES)
    for text in ("{", "[]", json.dumps({"measured_by": results.measured_by(trial.config), "figures": [{}]})):
        path.write_text(text)
        assert results.read(tmp_path, trial) is None


def test_a_trainings_record_gives_losses_costs_and_a_curve(tmp_path, trials):
    config = trials[0].config
    with pytest.raises(UserError, match="hold no evaluation"):
        results.of_training(config, tmp_path, 100)
    rows = [
        {"step": s, "loss": 2.0, "seconds": 0.5, "tokens_per_second": 40.0, "model_flops_per_second": 2e6}
        for s in range(1, 5)
    ]
    rows[2:2] = [{"step": 2, "eval": {"loss": 1.5, "loss_to_image": 1.0}}]
    rows += [{"step": 4, "eval": {"loss": 1.25, "loss_to_image": None, "accuracy": 0.5}}]
    rows += [{"step": 4, "time": 1.0, "goodput": {"wall": 9.0}}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = results.of_training(config, tmp_path, 100)
    assert {name: f.value for name, f in found.figures.items()} == {"held_out/loss": 1.25}
    assert found.costs["tokens"] == 80 and found.costs["model_flops"] == 4e6 and found.costs["seconds"] == 9
    assert found.curve == {"step": [2.0, 4.0], "model_flops": [2e6, 4e6], "loss": [1.5, 1.25]}

    def protocol(**changes):
        changed = dataclasses.replace(config, decoder=dataclasses.replace(config.decoder, **changes))
        return results.of_training(changed, tmp_path, 100).figures["held_out/loss"].protocol

    same = protocol(model=dataclasses.replace(config.decoder.model, mask="causal", width=96))
    assert same == protocol() != protocol(loss_span="all")
    assert protocol(tasks=dataclasses.replace(config.decoder.tasks, to_image=1.0)) != same
