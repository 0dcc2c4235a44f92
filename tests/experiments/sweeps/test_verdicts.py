import itertools

import numpy as np
import pytest
from scipy import stats

from t2f_jax.experiments.sweeps import verdicts


def test_a_difference_is_the_paired_t_test_of_scipy():
    arm, baseline = {0: 1.0, 1: 1.4, 2: 0.9, 7: 5.0}, {0: 0.5, 1: 1.0, 2: 0.7, 3: 9.0}
    found = verdicts.difference(arm, baseline)
    assert found.by_seed == pytest.approx({0: 0.5, 1: 0.4, 2: 0.2})
    oracle = stats.ttest_rel([1.0, 1.4, 0.9], [0.5, 1.0, 0.7])
    assert found.p == pytest.approx(oracle.pvalue)
    assert found.interval == pytest.approx(oracle.confidence_interval(0.95))


def test_with_many_seeds_the_exact_sign_flip_test_decides():
    values = np.random.default_rng(0).normal(0.4, 1, 9)
    flipped = [
        abs(np.dot(signs, values)) >= abs(values.sum()) - 1e-12 for signs in itertools.product((1, -1), repeat=9)
    ]
    found = verdicts.difference(dict(enumerate(values)), dict.fromkeys(range(9), 0.0))
    assert found.p == pytest.approx(np.mean(flipped))
    assert verdicts.sign_flip(np.ones(8)) == 2 / 2**8


@pytest.mark.parametrize("n", [3, 10])
def test_the_difference_that_would_be_shown_is_shown_four_times_of_five(n):
    effect = verdicts.detectable(1 / np.sqrt(n), n)
    draws = np.random.default_rng(1).normal(effect, 1, (20_000, n))
    t = draws.mean(1) / (draws.std(1, ddof=1) / np.sqrt(n))
    assert np.mean(np.abs(t) > stats.t.ppf(0.975, n - 1)) == pytest.approx(0.8, abs=0.01)


def test_without_spread_or_common_seed_nothing_is_tested():
    assert verdicts.difference({0: 1.0}, {1: 1.0}) is None
    for one in ({0: 1.0}, {0: 1.0, 1: 1.0}):
        found = verdicts.difference(one, dict.fromkeys(one, 0.5))
        assert found.mean == 0.5 and found.interval is found.p is None
        assert verdicts.judge({"a": found}, "higher")["a"].outcome == "not tested"


def test_verdicts_are_corrected_for_the_number_of_arms_and_know_the_good_direction():
    base = dict.fromkeys(range(4), 0.0)
    sure = verdicts.difference({0: 1.0, 1: 1.01, 2: 0.99, 3: 1.0}, base)
    weak = verdicts.difference({0: 1.0, 1: 1.6, 2: 0.4, 3: 0.6}, base)
    assert weak.p < 0.05 < 2 * weak.p * 1.5
    alone = verdicts.judge({"weak": weak}, "higher")
    assert alone["weak"].outcome == "better" and alone["weak"].p_corrected == weak.p
    many = verdicts.judge({"sure": sure, "weak": weak, "also": weak, "third": weak}, "lower")
    assert many["sure"].outcome == "worse" and many["weak"].outcome == "no difference shown"
    assert verdicts.judge({"sure": sure}, "")["sure"].outcome == "different"


def test_a_spread_is_students_interval():
    mean, interval = verdicts.spread({0: 1.0, 1: 2.0, 2: 4.0})
    oracle = stats.ttest_1samp([1.0, 2.0, 4.0], 0).confidence_interval(0.95)
    assert mean == pytest.approx(7 / 3) and interval == pytest.approx(oracle)
    assert verdicts.spread({0: 1.0}) == (1.0, None)
