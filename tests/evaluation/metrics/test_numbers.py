from collections import Counter

import numpy as np
import pytest

from t2f_jax.evaluation.metrics.numbers import NumberAnswers, covered, crps, mean_error, number_figures
from t2f_jax.tokens.attributes import Attribute

AGE = Attribute("age", (), 1, 90, ("20-29",))


def spread(*pairs):
    """Probabilities of 1..90, {age: share}."""
    row = np.zeros(90)
    for age, share in pairs:
        row[age - 1] = share
    return row


def test_points_by_hand():
    probs = np.stack([spread((30, 6), (60, 4)), spread((20, 4), (34, 3), (50, 3)), spread((70, 1)), spread((5, 1))])
    answers = NumberAnswers.of(AGE, probs, [30, 40, None, "20-29"], Counter([20, "20-29", 40]))
    values = {f.name.rpartition("/")[2]: f for f in number_figures(answers)}
    assert values["mae"].value == pytest.approx((0 + 6) / 2) and values["mae"].n == 2
    assert values["mae_expectation"].value == pytest.approx((12 + 6.8) / 2)
    assert values["mae_mode"].value == pytest.approx((0 + 20) / 2)
    assert values["mae_sampled"].value == pytest.approx((12 + (8 + 1.8 + 3)) / 2)
    assert answers.training_mean == 30 and values["mae_training_mean"].value == 5
    assert [values[f"cs{k}"].value for k in (3, 5, 10)] == [0.5, 0.5, 1]
    assert values["mae"].unit == "years" and values["mae"].per_example[1] == 6
    assert np.isnan(values["mae"].per_example[2:]).all()


def test_crps_is_the_expected_distance_less_half_the_spread():
    rng = np.random.default_rng(0)
    answers = NumberAnswers.of(AGE, rng.dirichlet(np.full(90, 0.1), size=8), list(range(5, 85, 10)), Counter())
    numbers, probs = answers.numbers, answers.probs
    between = np.abs(numbers[:, None] - numbers)
    half = np.einsum("nv,nw,vw->n", probs, probs, between) / 2
    assert crps(answers) == pytest.approx(mean_error(answers) - half, abs=1e-9)
    sure = NumberAnswers.of(AGE, np.stack([spread((34, 1))]), [30], Counter())
    assert crps(sure).tolist() == [4]


def test_intervals_cover_what_they_promise():
    rng = np.random.default_rng(1)
    probs = np.exp(-0.5 * ((np.arange(1, 91) - rng.uniform(25, 65, size=(1000, 1))) / 8) ** 2)
    probs /= probs.sum(1, keepdims=True)
    labels = [int(1 + (row.cumsum() < rng.random()).sum()) for row in probs]
    values = {f.name: f.value for f in number_figures(NumberAnswers.of(AGE, probs, labels, Counter()))}
    for percent in (50, 80, 90, 95):
        share = values[f"attributes/age/coverage{percent}"]
        assert percent / 100 - 0.04 < share < percent / 100 + 0.08  # its ends are whole numbers
    assert "attributes/age/mae_training_mean" not in values


def test_coverage_counts_the_ends():
    probs = np.stack([spread((20, 1), (30, 8), (40, 1))] * 4)
    answers = NumberAnswers.of(AGE, probs, [20, 30, 41, None], Counter())
    assert covered(answers, 90).tolist()[:3] == [1, 1, 0] and np.isnan(covered(answers, 90)[3])


def test_unknown_numbers_have_no_figure():
    assert number_figures(NumberAnswers.of(AGE, np.ones((2, 90)), [None, "20-29"], Counter())) == []
