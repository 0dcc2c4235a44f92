"""What probabilities say, as one value, an interval and plain records."""

import json

import numpy as np
import pytest

from t2f_jax.inference import answers
from t2f_jax.tokens.attributes import Attribute

AGE = Attribute("age", low=20, high=29)
HAT = Attribute("hat", ("no", "yes"))
SHARES = np.array([0.06, 0.04, 0.1, 0.1, 0.25, 0.2, 0.1, 0.1, 0.01, 0.04])


def test_a_number_is_summarized_with_the_interval_that_is_asked_for():
    assert answers.summarize_number(AGE, SHARES) == answers.Number(pytest.approx(24.28), 24, 24, 20, 27)
    assert answers.summarize_number(AGE, SHARES, answers.CENTRAL_80) == answers.Number(
        pytest.approx(24.28), 24, 24, 21, 27
    )
    certain = answers.summarize_number(AGE, np.eye(10)[9])
    assert certain == answers.Number(29.0, 29, 29, 29, 29)


def test_a_report_shows_the_likeliest_of_a_choice_and_the_middle_of_a_number():
    age = np.zeros(10)
    age[[0, 5, 6]] = 0.2, 0.35, 0.45
    assert answers.summarize_face({"hat": np.array([1.0, 3.0]), "age": age}, [HAT, AGE]) == {
        "hat": {"value": "yes", "probability": 0.75},
        "age": {"value": 25, "low": 20, "high": 26},
    }
    assert answers.summarize_face({}, [HAT]) == {}


def test_a_record_is_plain():
    age, hat = answers.make_record(AGE, SHARES), answers.make_record(HAT, np.array([0.25, 0.75]))
    assert hat == {"value": "yes", "probability": 0.75, "probabilities": {"no": 0.25, "yes": 0.75}}
    assert (age["value"], age["median"], age["mode"], age["interval_90"]) == (24, 24, 24, [20, 27])
    assert list(age["probabilities"]) == list(range(20, 30)) and json.loads(json.dumps(age))["mean"] == age["mean"]


def test_a_quantile_that_a_sum_misses_by_rounding_is_reached():
    tenths = np.full((2, 10), 0.1)
    assert tenths.cumsum(1)[0, 7] < 0.8 and answers.quantile(tenths, 0.8).tolist() == [7, 7]
    assert answers.quantile(tenths, 1.0).tolist() == [9, 9]
