"""`t2f train`, `train-tokenizer`, `prepare`, `quickstart`: which folders the stages get, and what is printed."""

import pytest

from t2f_jax import cli
from t2f_jax.experiments import quickstart, stages
from t2f_jax.io.run_folder import RunFolder


@pytest.fixture
def stage(monkeypatch):
    """Stands in for each stage: keeps its arguments, and writes and uploads a file as a stage does."""
    calls = {}

    def stand_in(name, place):
        def work(config, *folders):
            calls[name] = folders
            out = folders[place]
            out.mkdir(parents=True, exist_ok=True)
            (out / "log").write_text(config.name)
            RunFolder(out).publish("log")
            (out / "pixels").write_text("stay here")
            return {"steps": 1.0} if name == "quickstart" else out / "result"

        return work

    monkeypatch.setattr(stages, "train_tokenizer", stand_in("train-tokenizer", 0))
    monkeypatch.setattr(stages, "prepare_store", stand_in("prepare", 1))
    monkeypatch.setattr(stages, "train", stand_in("train", 0))
    monkeypatch.setattr(quickstart, "quickstart", stand_in("quickstart", 0))
    return calls


@pytest.fixture
def given(bucket, tmp_path):
    """A tokenizer and a store in a bucket."""
    for name, last in (("tokenizer", "config.json"), ("store", "meta.json")):
        run = RunFolder.at(f"gs://b/{name}")
        run.path.mkdir()
        (run.path / last).write_text("1")
        run.publish()
    return bucket


def test_every_stage_works_in_a_bucket(stage, given, capsys):
    cli.main(["train-tokenizer", "quickstart:tiny", "--out", "gs://b/t"])
    cli.main(["prepare", "quickstart:tiny", "--tokenizer", "gs://b/tokenizer", "--out", "gs://b/s"])
    cli.main(["train", "quickstart:tiny", "--tokenizer", "gs://b/tokenizer", "--store", "gs://b/store", "--out",
              "gs://b/m"])  # fmt: skip
    assert capsys.readouterr().out.split() == ["gs://b/t/result", "gs://b/s/result", "gs://b/m/result"]
    assert {"/b/t/log", "/b/s/log", "/b/m/log"} <= set(given)
    assert not any(name.endswith("pixels") for name in given), "a stage uploads by itself"
    assert (stage["prepare"][0] / "config.json").read_text() == "1"
    _, tokenizer, store = stage["train"]
    assert (tokenizer / "config.json").is_file() and (store / "meta.json").is_file()


def test_quickstart_works_in_a_bucket(stage, given, capsys):
    cli.main(["quickstart", "--tiny", "--out", "gs://b/q"])
    assert "report: gs://b/q/report.html" in capsys.readouterr().out
    assert "/b/q/log" in given and "/b/q/pixels" not in given, "quickstart uploads by itself, too"


def test_local_folders_are_the_users_own(stage, tmp_path, capsys):
    cli.main(["train", "quickstart:tiny", "--out", str(tmp_path / "m"), "decoder.train.steps=3"])
    assert stage["train"] == (tmp_path / "m", None, None)
    assert capsys.readouterr().out == f"{tmp_path / 'm' / 'result'}\n"


@pytest.mark.parametrize("words", [["prepare", "quickstart:tiny"], ["train", "quickstart:tiny"]])
def test_what_a_stage_reads_is_not_where_it_writes(words, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main([*words, "--tokenizer", str(tmp_path), "--out", f"{tmp_path}/."])
    assert "--out is also read; name another folder" in capsys.readouterr().err and not any(tmp_path.iterdir())
