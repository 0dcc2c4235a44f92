import json

import pytest

from t2f_jax.config.schema import Config
from t2f_jax.errors import UserError
from t2f_jax.experiments import runs


def test_a_runs_record_names_what_it_was_trained_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs.write_experiment(
        Config(name="mine"), tmp_path, tmp_path / "tokenizer", (tmp_path / "store").relative_to(tmp_path)
    )
    record = json.loads((tmp_path / runs.EXPERIMENT).read_text())
    assert record["config"]["name"] == "mine"
    assert (record["tokenizer"], record["store"]) == (str(tmp_path / "tokenizer"), str(tmp_path / "store"))


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match=r"experiment\.json: the run's record .* is missing"):
        runs.model_at(tmp_path)
    (tmp_path / runs.EXPERIMENT).write_text(json.dumps({"config": {}, "tokenizer": "t"}))
    with pytest.raises(UserError, match="'store' is missing"):
        runs.model_at(tmp_path)
    runs.write_experiment(Config(), tmp_path, tmp_path / "gone", tmp_path / "store")
    with pytest.raises(UserError, match="gone"):
        runs.model_at(tmp_path)
    with pytest.raises(UserError, match=r"run\.json"):
        runs.tokenizer_at(tmp_path)
