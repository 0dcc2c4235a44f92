import pytest

from t2f_jax.evaluation.metrics.facts import count_facts, fact_figures

CAPTIONS = ["A man with a hat and a hat.", "A woman.", "A woman.", "A man without a hat."]
LABELS = [
    {"gender": "male", "hat": "yes"},
    {"gender": "male", "hat": "yes"},
    {"hat": "no"},
    {"gender": "female", "hat": "no", "age": 30},
]


def test_facts_are_counted_over_all_captions():
    counts = count_facts(CAPTIONS, LABELS)
    assert counts.right.tolist() == [3, 0, 0, 1] and counts.wrong.tolist() == [0, 1, 0, 1]
    figures = {f.name.removeprefix("captions/"): f for f in fact_figures(CAPTIONS, LABELS)}
    assert figures["fact_precision"].value == pytest.approx(4 / 6) and figures["fact_precision"].n == 3
    assert figures["fact_recall"].value == pytest.approx(2 / 6)
    assert figures["repeats"].value == 0.25


def test_a_share_of_nothing_is_left_out():
    assert [f.name for f in fact_figures(["Hello."], [{}])] == ["captions/repeats"]
