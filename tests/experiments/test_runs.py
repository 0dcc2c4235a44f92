import contextlib
import json

import damage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from t2f_jax.config.schema import Config
from t2f_jax.config.typed import to_dict
from t2f_jax.errors import UserError
from t2f_jax.experiments import runs
from t2f_jax.training import checkpoint


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


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), part=st.sampled_from([runs.EXPERIMENT, "run.json"]))
def test_any_json_of_a_run_is_refused(tmp_path, data, part):
    runs.write_experiment(Config(), tmp_path, tmp_path / "gone", tmp_path / "store")
    (tmp_path / "checkpoints" / "1").mkdir(parents=True, exist_ok=True)
    (tmp_path / "run.json").write_text(json.dumps({"image": to_dict(Config().image), "decoder": {}}))
    (tmp_path / part).write_bytes(data.draw(damage.any_json(json.loads((tmp_path / part).read_bytes()))))
    with pytest.raises(UserError):
        runs.model_at(tmp_path)
    if part == "run.json":
        with contextlib.suppress(UserError):
            checkpoint.check_config(tmp_path, {"image": to_dict(Config().image)})
