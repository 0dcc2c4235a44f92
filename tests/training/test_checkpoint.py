import pathlib
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.errors import UserError
from t2f_jax.training import checkpoint
from t2f_jax.training.checkpoint import Checkpoints
from t2f_jax.training.state import State


def make(value):
    return State(
        jnp.int32(value), {"w": jnp.full((64, 64), float(value))}, (jnp.zeros(3), None), None, {"n": jnp.ones(2)}
    )


ABSTRACT = jax.eval_shape(lambda: make(0))


def test_the_newest_and_the_best_stay(tmp_path):
    losses = {1: 5.0, 2: 1.0, 3: 4.0, 4: None, 5: 3.0, 6: float("nan")}
    with Checkpoints(tmp_path, keep_last=2, keep_best=2) as ck:
        for step, loss in losses.items():
            ck.save(make(step), step, loss)
            ck.wait()
        assert ck.steps == [2, 5, 6]
    with Checkpoints(tmp_path) as ck:
        assert ck.eval_losses() == {2: 1.0, 5: 3.0}
        state = ck.restore_newest(ABSTRACT)
    assert state is not None and int(state.step) == 6 and np.all(state.params["w"] == 6.0)
    assert jax.tree.structure(state) == jax.tree.structure(make(0))


def test_a_written_checkpoint_is_what_was_given_though_the_buffers_are_reused(tmp_path):
    bump = jax.jit(lambda s: jax.tree.map(lambda x: x + 1, s), donate_argnums=0)
    state = State(jnp.int32(1), {"w": jnp.ones((1024, 1024))}, None)
    abstract = jax.eval_shape(lambda: state)
    with Checkpoints(tmp_path, keep_last=9) as ck:
        for step in range(1, 5):
            ck.save(state, step)
            state = bump(state)
        ck.wait()
        for step in range(1, 5):
            assert np.all(np.asarray(ck.restore(abstract, step).params["w"]) == step)


# Orbax closes its event loop at the first file that fails; TensorStore comes too late to it with the others.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("damage", ["data", "metadata", "empty"])
def test_a_broken_newest_falls_back_and_says_so(tmp_path, damage, capsys):
    with Checkpoints(tmp_path, keep_last=3) as ck:
        for step in (1, 2):
            ck.save(make(step), step)
    files = [p for p in (tmp_path / "2").rglob("*") if p.is_file()]
    if damage == "data":
        for path in files:
            if "/d/" in path.as_posix():
                path.write_bytes(path.read_bytes()[:10])
    elif damage == "metadata":
        shutil.rmtree(tmp_path / "2" / "state")
    else:
        for path in files:
            path.write_bytes(b"")
    capsys.readouterr()
    with Checkpoints(tmp_path, keep_last=3) as ck:
        state = ck.restore_newest(ABSTRACT)
        said = [line for line in capsys.readouterr().err.splitlines() if "checkpoint" in line]
        assert state is not None and int(state.step) == 1 and np.all(state.params["w"] == 1.0)
        assert len(said) == 1 and "checkpoint 2" in said[0] and "going back to 1" in said[0]
        assert ck.steps == [1]
        ck.save(make(2), 2)  # the run goes on and comes to the same step again
    assert (tmp_path / "broken-2").is_dir()
    with Checkpoints(tmp_path) as ck:
        assert int(ck.restore_newest(ABSTRACT).step) == 2


def test_if_none_can_be_read_nothing_is_touched(tmp_path):
    with Checkpoints(tmp_path) as ck:
        ck.save(make(1), 1)
    other = jax.eval_shape(lambda: make(0).replace(params={"v": jnp.zeros(5)}))
    with Checkpoints(tmp_path) as ck, pytest.raises(UserError, match=r"none of the checkpoints \[1\] can be read"):
        ck.restore_newest(other)
    with Checkpoints(tmp_path) as ck:
        assert ck.steps == [1] and ck.restore_newest(ABSTRACT) is not None


def test_leftovers_of_a_killed_run_are_removed(tmp_path):
    with Checkpoints(tmp_path) as ck:
        ck.save(make(1), 1)
    left = tmp_path / "2.orbax-checkpoint-tmp"
    shutil.copytree(tmp_path / "1", left)
    with Checkpoints(tmp_path) as ck:
        assert ck.steps == [1]
        ck.save(make(2), 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2"] and not left.exists()


def test_a_changed_config_is_refused_by_key_once_there_are_checkpoints(tmp_path):
    first = {"decoder": {"model": {"width": 16, "ks": (1, 2)}, "train": {"steps": 10, "save_every": 5, "mesh": ""}}}
    checkpoint.check_config(tmp_path, first)
    checkpoint.check_config(tmp_path, {"anything": 1})  # no checkpoint yet: nothing to hold to
    checkpoint.check_config(tmp_path, first)
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    free = {"decoder": {**first["decoder"], "train": {"steps": 10, "save_every": 1, "mesh": "data=1"}}}
    checkpoint.check_config(tmp_path, free)
    changed = {"decoder": {"model": {"width": 32, "ks": (1, 2)}, "train": {"steps": 20, "save_every": 5, "mesh": ""}}}
    with pytest.raises(UserError) as error:
        checkpoint.check_config(tmp_path, changed)
    assert "decoder.model.width was 16, now 32, decoder.train.steps was 10, now 20;" in str(error.value)


def test_a_key_that_is_newer_than_the_run_has_its_default(tmp_path):
    checkpoint.check_config(tmp_path, {"decoder": {"optim": {"learning_rate": 0.5}}})
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    with pytest.raises(UserError, match=r"decoder\.optim\.kind was 'adamw', now 'muon'"):
        checkpoint.check_config(tmp_path, {"decoder": {"optim": {"learning_rate": 0.5, "kind": "muon"}}})
    checkpoint.check_config(tmp_path, {"decoder": {"optim": {"learning_rate": 0.5, "kind": "adamw"}}})


def test_a_sources_newer_key_has_its_default(tmp_path):
    checkpoint.check_config(tmp_path, {"data": {"sources": {"faces": {"kind": "agedb"}}}})
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    chosen = {"kind": "agedb", "partition": "age-benchmark-0"}
    with pytest.raises(UserError, match=r"data\.sources\.faces\.partition was '', now 'age-benchmark-0'"):
        checkpoint.check_config(tmp_path, {"data": {"sources": {"faces": chosen}}})
    checkpoint.check_config(tmp_path, {"data": {"sources": {"faces": {"kind": "agedb", "partition": ""}}}})


def test_a_relative_folder_is_as_good(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Checkpoints(pathlib.Path("run/checkpoints")) as ck:
        ck.save(make(1), 1)
        ck.wait()
    assert (tmp_path / "run" / "checkpoints" / "1" / "state").is_dir()
    assert int(checkpoint.at_step(pathlib.Path("run"), ABSTRACT).step) == 1


@pytest.mark.parametrize("data", [b"", b"\0" * 30, b"\xff\xfe", b"[1]", b"{}", b'{"loss": "x"}', b'{"loss": nu'])
def test_an_evaluation_loss_that_cannot_be_read_is_none(tmp_path, data):
    with Checkpoints(tmp_path, keep_last=2) as ck:
        for step in (1, 2):
            ck.save(make(step), step, 0.5)
    (tmp_path / "2" / "metrics" / "metrics").write_bytes(data)
    with Checkpoints(tmp_path, keep_last=2) as ck:
        assert ck.eval_losses() == {1: 0.5} and int(ck.restore_newest(ABSTRACT).step) == 2
        ck.save(make(3), 3, 0.7)
    with Checkpoints(tmp_path, keep_last=2, read_only=True) as ck:
        assert ck.eval_losses() == {1: 0.5, 3: 0.7}


@pytest.mark.parametrize("data", [b"", b"\0" * 30, b"[]", b'"text"', b'{"a": '])
def test_a_broken_config_of_a_run_says_what_to_do(tmp_path, data):
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    (tmp_path / "run.json").write_bytes(data)
    with pytest.raises(UserError, match=r"run\.json: the config of the run's checkpoints is broken .*delete the file"):
        checkpoint.check_config(tmp_path, {"a": 1})
