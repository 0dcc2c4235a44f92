import numpy as np
import pytest

from t2f_jax.evaluation import figure
from t2f_jax.evaluation.cards import slices

LABELS = [
    {"age": 3, "gender": "female"},
    {"age": "0-5", "gender": "male"},
    {"age": "5-15"},
    {"age": 17, "gender": "male", "hat": "yes"},
    {"age": 93, "gender": "male"},
]
GIVEN = {"unit": "years", "better": "lower", "protocol": "mae"}


def test_faces_are_grouped_by_decade_and_by_the_values_of_their_choices():
    found = {
        name: {g: np.flatnonzero(rows).tolist() for g, rows in v.items()} for name, v in slices.groups(LABELS).items()
    }
    assert found == {"age": {"0–9": [0, 1], "10–19": [3], "80+": [4]}, "gender": {"female": [0], "male": [1, 3, 4]}}


def test_one_value_alone_is_no_group():
    assert slices.groups([{"gender": "male", "age": 31}] * 3) == {} and slices.groups([{}]) == {}


def test_a_figure_of_a_group_is_that_of_its_examples_alone():
    errors = figure.of_examples("age/mae", np.array([1.0, 2.0, 3.0, np.nan, 7.0]), **GIVEN)
    found = slices.measure([errors], LABELS)["age/mae"]
    assert [(s["group"], s["n"], s["value"]) for s in found["gender"]] == [("female", 1, 1.0), ("male", 2, 4.5)]
    assert [(s["group"], s["n"], s["value"]) for s in found["age"]] == [("0–9", 2, 1.5), ("80+", 1, 7.0)]
    assert all(s["interval"] is None for parts in found.values() for s in parts)  # too few for an interval


def test_an_interval_of_a_group_is_that_of_a_figure_of_its_examples():
    rng = np.random.default_rng(0)
    labels = [{"gender": "male" if i % 3 else "female"} for i in range(90)]
    first = figure.of_examples("age/mae", rng.normal(5, 1, 90), **GIVEN)
    second = figure.of_examples("hat/balanced", rng.integers(2, size=(90, 4)), **GIVEN)
    found = slices.measure([first, second], labels)
    men = np.arange(90) % 3 > 0
    for name, given in (("age/mae", first), ("hat/balanced", second)):
        (alone,) = figure.with_intervals([figure.of_examples(name, given.per_example[men], **GIVEN)])
        told = next(s for s in found[name]["gender"] if s["group"] == "male")
        assert told["value"] == pytest.approx(alone.value) and told["interval"] == pytest.approx(alone.interval)


def test_figures_that_are_no_sums_of_these_examples_have_no_groups():
    fid = figure.Figure("images/fid", 12.0, 5, "", "lower", "fid")
    other = figure.of_examples("requests/seen", np.ones(7), **GIVEN)
    assert slices.measure([fid, other], LABELS) == {}
