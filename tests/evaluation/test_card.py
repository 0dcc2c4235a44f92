import json

import pytest
from fake_model import SCHEMA

from t2f_jax.evaluation.agreement import score_requests
from t2f_jax.evaluation.card import make_card
from t2f_jax.evaluation.resources import Usage
from t2f_jax.report.content import SourceReport


def attribute_figures():
    """As `measure_attributes` returns them, where the card looks."""
    mean = {"accuracy": 0.6, "majority_accuracy": 0.4}
    return {"faces": 4, "mean": mean, "numbers": {"age": {"mae": 8.5, "mae_training_mean": 10, "pairs": [[30, 34]]}}}


def test_card_has_the_fixed_names_and_goes_through_json():
    attributes = attribute_figures()
    asked = [{"gender": "male"}, {"gender": "female"}]
    sources = [
        SourceReport("real", attributes=attributes),
        SourceReport("drawn", requests=score_requests(asked, asked, SCHEMA), judge_accuracy=0.8),
    ]
    card = make_card(sources, Usage(12.5, 1 << 30), {"split": "test"})
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert card["attribute_accuracy"] == 0.6 and card["attribute_accuracy_majority"] == 0.4
    assert card["age_mae"] == 8.5 and card["age_mae_mean"] == 10
    assert card["requested_attributes_seen"] == 1 and card["requested_attributes_shuffled"] == 0
    assert card["judge_accuracy"] == pytest.approx(0.8)
    assert card["seconds"] == 12.5 and card["peak_memory_bytes"] == 1 << 30
    assert card["figures_from"]["judge_accuracy"] == "drawn" and card["figures_from"]["age_mae"] == "real"
    assert "pairs" not in card["sources"]["real"]["attributes"]["numbers"]["age"]
    assert "pairs" in attributes["numbers"]["age"]  # the figures themselves keep them
    assert list(card["sources"]["drawn"]) == ["attributes", "requests", "reconstruction", "captions", "judge_accuracy"]


def test_a_figure_is_that_of_the_first_source_that_has_it():
    first, second = attribute_figures(), attribute_figures()
    first["numbers"] = {}
    second["mean"] = {"accuracy": 0.9, "majority_accuracy": 0.8}
    card = make_card([SourceReport("first", attributes=first), SourceReport("second", attributes=second)], Usage(), {})
    assert card["attribute_accuracy"] == 0.6 and card["age_mae"] == 8.5
    assert card["figures_from"]["attribute_accuracy"] == "first" and card["figures_from"]["age_mae"] == "second"


def test_card_without_measurements_has_nulls():
    card = make_card([], Usage(1, 2), {})
    assert card["age_mae"] is None and card["judge_accuracy"] is None and card["sources"] == {}
