import json

import small_model
from sample_report import content

from t2f_jax.config.schema import Config
from t2f_jax.evaluation.result import Evaluation
from t2f_jax.experiments import quickstart, stages


def test_quickstart_trains_evaluates_and_leaves_card_and_report(tmp_path, monkeypatch):
    report, calls, model = content(), [], small_model.make_bundle()
    (tmp_path / "model").mkdir()
    monkeypatch.setattr(quickstart.bundle, "load", lambda folder: model)
    report.details["protocol"] = {"split": "test"}
    monkeypatch.setattr(stages, "train", lambda config, out: calls.append(config.name) or out / "model")
    monkeypatch.setattr(quickstart, "evaluate", lambda model, out: calls.append(model) or Evaluation(report, (), {}))
    card = quickstart.quickstart(Config(name="mine"), tmp_path)
    assert calls == ["mine", tmp_path / "model"]
    assert json.loads((tmp_path / "card.json").read_text()) == card and card["seconds"] >= 0
    assert "Not measured" not in (tmp_path / "model" / "README.md").read_text()
    assert "<title>t2f_jax quickstart</title>" in (tmp_path / "report.html").read_text()
