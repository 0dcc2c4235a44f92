"""`t2f quickstart`'s order, and that a finished one is left as it is; training and evaluation are stood in for."""

import dataclasses
import json
import types

import made_cards
import pytest
import small_model
from sample_report import content

from t2f_jax import bundle
from t2f_jax.config.schema import Config, EvalConfig
from t2f_jax.config.typed import to_dict
from t2f_jax.evaluation.result import Evaluation
from t2f_jax.experiments import model_card, quickstart, stages
from t2f_jax.io import locks
from t2f_jax.io.run_folder import RunFolder

CONFIG = Config(name="mine")


@pytest.fixture
def done(monkeypatch):
    """What was done: "train", and "evaluate"."""
    calls, model = [], small_model.make_bundle()

    def train(config, out):
        calls.append("train")
        assert (out / locks.LOCK).exists()
        trained = dataclasses.replace(model, provenance={"config": to_dict(config)})
        bundle.save(out / "model", trained)
        model_card.write(config, trained, out / "model")
        RunFolder(out).publish("model")
        return out / "model"

    def evaluate(folder, out):
        calls.append("evaluate")
        details = {"protocol": {"model": model.hash}, "config": bundle.load(folder).provenance["config"]}
        report = dataclasses.replace(content(), details=details)
        return Evaluation(report, (made_cards.faces_part(out),), {"split": "test", "model": model.hash})

    monkeypatch.setattr(stages, "train", train)
    monkeypatch.setattr(quickstart, "evaluate", evaluate)
    return calls


def files(folder):
    """Bytes and time of every file, and the time of every folder."""
    return {p: (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in (folder, *folder.rglob("*"))}


def test_quickstart_trains_evaluates_and_leaves_card_and_report(tmp_path, done):
    card = quickstart.quickstart(CONFIG, tmp_path)
    assert done == ["train", "evaluate"]
    assert json.loads((tmp_path / "card.json").read_text()) == card and card["seconds"] >= 0
    assert "Not measured" not in (tmp_path / "model" / "README.md").read_text()
    assert "<title>t2f_jax quickstart</title>" in (tmp_path / "report.html").read_text()


def test_a_finished_one_changes_nothing(tmp_path, done, capsys):
    card = quickstart.quickstart(CONFIG, tmp_path)
    before = files(tmp_path)
    assert quickstart.quickstart(CONFIG, tmp_path) == card
    assert files(tmp_path) == before and done == ["train", "evaluate"]
    told = f"{tmp_path}: already finished, so nothing is done and no file is changed; the model is {tmp_path / 'model'}"
    assert capsys.readouterr().err == f"t2f: {told}\n"


def test_a_finished_one_in_a_bucket_changes_nothing(bucket, done, tmp_path, monkeypatch):
    folder = RunFolder.at("gs://b/quick")
    quickstart.quickstart(CONFIG, folder.path)
    before = {name: file.modified for name, file in bucket.items()}
    assert {"/b/quick/card.json", "/b/quick/report.html", "/b/quick/model/README.md"} <= set(before)
    assert not any(".lock" in name for name in before)
    monkeypatch.setenv("T2F_CACHE", str(tmp_path / "another machine"))
    quickstart.quickstart(CONFIG, RunFolder.at("gs://b/quick").path)
    assert {name: file.modified for name, file in bucket.items()} == before and done == ["train", "evaluate"]


def test_another_evaluation_is_made_and_says_why(tmp_path, done, capsys):
    quickstart.quickstart(CONFIG, tmp_path)
    other = dataclasses.replace(CONFIG, eval=EvalConfig(faces=7))
    quickstart.quickstart(other, tmp_path)
    assert done == ["train", "evaluate"] * 2
    told = f"the trained model is evaluated again: eval.faces was {CONFIG.eval.faces}, now 7"
    assert told in capsys.readouterr().err
    assert quickstart.what_is_lacking(other, tmp_path) == ""


def test_what_is_damaged_is_made_again(tmp_path, done, capsys):
    quickstart.quickstart(CONFIG, tmp_path)
    (tmp_path / "card.md").unlink()
    quickstart.quickstart(CONFIG, tmp_path)
    assert f"evaluated again: {tmp_path / 'card.md'} is missing" in capsys.readouterr().err
    assert done == ["train", "evaluate"] * 2 and quickstart.what_is_lacking(CONFIG, tmp_path) == ""
    results = "results/sources-0-captions-0-image.png"
    for name in ("card.json", "report.html", results, "rows/drawn-faces.jsonl", "model/README.md", "model/config.json"):
        kept = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
        assert name.split("/")[0] in quickstart.what_is_lacking(CONFIG, tmp_path), name
        (tmp_path / name).write_bytes(kept)
    for name in ("card.json", "results/results.json", "rows/drawn-faces.jsonl", "model/decoder.safetensors"):
        kept = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(kept[:-50])
        assert name.split("/")[0] in quickstart.what_is_lacking(CONFIG, tmp_path), name
        (tmp_path / name).write_bytes(kept)
    other = bytearray((tmp_path / "model/decoder.safetensors").read_bytes())
    other[-1] ^= 1
    (tmp_path / "model/decoder.safetensors").write_bytes(other)
    assert "its weights are not those that were written there" in quickstart.what_is_lacking(CONFIG, tmp_path)


def test_an_evaluation_of_another_model_or_version_does_not_count(tmp_path, done, monkeypatch):
    quickstart.quickstart(CONFIG, tmp_path)
    monkeypatch.setattr(quickstart, "__version__", "99.0")
    assert quickstart.what_is_lacking(CONFIG, tmp_path).endswith("and this is 99.0")
    monkeypatch.undo()
    other = small_model.make_bundle(image=dataclasses.replace(small_model.IMAGE, ch=16))
    bundle.save(tmp_path / "model", dataclasses.replace(other, provenance={"config": to_dict(CONFIG)}))
    assert "the card is not that of this model" in quickstart.what_is_lacking(CONFIG, tmp_path)


def test_of_several_processes_the_first_one_decides(tmp_path, done, monkeypatch):
    quickstart.quickstart(CONFIG, tmp_path)
    others = types.SimpleNamespace(join=lambda: None, first=lambda: False, all_agree=lambda here: here)
    monkeypatch.setattr(quickstart, "hosts", others)
    assert quickstart.quickstart(CONFIG, tmp_path) == {} and done == ["train", "evaluate"]
