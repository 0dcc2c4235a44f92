"""The folder that a command writes, local or in a bucket."""

import json

import numpy as np
import pytest
import toy

from t2f_jax.errors import UserError
from t2f_jax.io import metrics, remote
from t2f_jax.io.run_folder import RunFolder


def test_what_is_local_stays_as_it_is(tmp_path):
    run = RunFolder.at(str(tmp_path))
    assert run.path == run.fetch() == run.publish() == run.origin() == tmp_path
    assert run.fetch("model") == run.origin("model") == tmp_path / "model" and not list(tmp_path.iterdir())


def test_every_path_inside_knows_where_it_lies(bucket):
    run = RunFolder.at("gs://b/runs/faces/")
    assert run.path.name == "faces" and str(run.origin()) == "gs://b/runs/faces"
    assert str(RunFolder(run.path / "tokenizer").origin("model")) == "gs://b/runs/faces/tokenizer/model"
    assert str(RunFolder.at("gs://b").origin("model")) == "gs://b/model"
    with pytest.raises(UserError, match="must look like gs://BUCKET/FOLDER"):
        RunFolder.at("s3://b/x")


def test_a_folder_that_is_replaced_as_a_whole_still_goes_up(bucket):
    run = RunFolder.at("gs://b/model")
    run.path.mkdir()
    run.path.rename(run.path.with_name("gone"))
    run.path.mkdir()
    (run.path / "config.json").write_text("1")
    run.publish()
    assert list(bucket) == ["/b/model/config.json"]


def test_a_reader_does_not_touch_what_is_being_written(bucket):
    run = RunFolder.at("gs://b/run")
    run.path.mkdir()
    (run.path / "pixels").write_text("stay here")
    (run.path / "run.json").write_text("1")
    run.publish("run.json")
    assert (remote.fetch("gs://b/run") / "run.json").read_text() == "1"
    assert (run.path / "pixels").is_file() and list(bucket) == ["/b/run/run.json"]


def test_a_file_and_a_record_go_up_anew(bucket):
    run = RunFolder.at("gs://b/run")
    writer = metrics.Writer(run.path)
    writer.train(1, {"loss": 1.0})
    writer.publish()
    writer.train(2, {"loss": 0.5})
    writer.close()
    (run.path / "metrics.jsonl").unlink()  # another machine
    assert [r["step"] for r in metrics.read(run.fetch("metrics.jsonl"))] == [1, 2]
    assert remote.fetch("gs://b/run/metrics.jsonl").read_text().count("\n") == 2
    assert any(name.startswith("/b/run/tensorboard/") for name in bucket)


def test_a_store_comes_down_when_it_is_whole_there(bucket):
    run = RunFolder.at("gs://b/run")
    (run.path / "store").mkdir(parents=True)
    (run.path / "store" / "codes.npy").write_text("1")
    run.publish("store")
    (run.path / "store" / "codes.npy").unlink()
    assert not list(run.fetch("store").iterdir()), "no meta.json: it is not whole"
    (run.path / "store" / "codes.npy").write_text("1")
    (run.path / "store" / "meta.json").write_text("1")
    run.publish("store")
    (run.path / "store" / "meta.json").unlink()
    (run.path / "store" / "codes.npy").write_text("half")
    assert (run.fetch("store") / "codes.npy").read_text() == "1"


def test_a_run_keeps_its_numbers_in_the_bucket(bucket, monkeypatch):
    """Orbax would write its checkpoints there by itself; here they stay, as it needs a server."""
    from t2f_jax.training import checkpoint

    monkeypatch.setattr(checkpoint, "folder_of", lambda out: out / "checkpoints")
    toy.run("gs://b/run")
    assert {"/b/run/metrics.jsonl", "/b/run/run.json"} <= set(bucket)
    rows = [json.loads(line) for line in bucket["/b/run/metrics.jsonl"].getvalue().splitlines()]
    assert [r["step"] for r in metrics.train_rows(rows)] == list(range(1, 25))
    assert np.isfinite(rows[0]["loss"]) and not any("checkpoints" in name for name in bucket)
