import numpy as np
import pytest

from t2f_jax.evaluation import stats


def test_interval_is_deterministic_and_about_right():
    right = np.random.default_rng(0).random(400) < 0.7
    low, high = stats.interval(right, np.ones(400))
    assert [low, high] == stats.interval(right, np.ones(400))
    error = np.sqrt(right.mean() * (1 - right.mean()) / 400)
    assert low == pytest.approx(right.mean() - 1.96 * error, abs=0.01)
    assert high == pytest.approx(right.mean() + 1.96 * error, abs=0.01)


def test_ratios_leave_out_what_no_example_has():
    assert stats.ratios(np.array([1.0, 0.0, 4.0, 0.0])) == 0.25
    assert np.isnan(stats.ratios(np.zeros(4)))
    np.testing.assert_array_equal(stats.ratios(np.array([[1.0, 3.0, 2.0, 4.0], [1.0, 1.0, 1.0, 1.0]])), [0.625, 1.0])


def test_models_on_the_same_examples_meet_the_same_resamples():
    values = np.random.default_rng(0).normal(size=200)
    one, two = (stats.ratios(stats.resampled_sums(stats.statistics(v))) for v in (values, values + 0.5))
    np.testing.assert_allclose(two - one, 0.5)  # a difference that all examples share has no width
    assert np.std(one) == pytest.approx(np.std(values) / np.sqrt(200), rel=0.1)


def test_two_models_that_differ_a_little_on_every_example_differ_for_sure():
    """The answers vary far more from example to example than from model to model: only a paired test sees that."""
    first = np.random.default_rng(0).normal(10, 5, 200)
    found = stats.paired_difference(stats.statistics(first), stats.statistics(first + 0.2))
    assert found.value == pytest.approx(0.2)
    np.testing.assert_allclose(found.interval, 0.2)
    assert found.p == pytest.approx(1 / 1001)


def test_the_p_of_a_difference_is_that_of_the_sign_test():
    """9 of 10 faces that the models disagree on go one way: two-sided binomial p = 22 / 1024."""
    first, second = np.zeros(40), np.zeros(40)
    second[:9], first[9] = 1, 1
    found = stats.paired_difference(stats.statistics(first), stats.statistics(second))
    assert found.value == pytest.approx(0.2)
    assert found.p == pytest.approx(22 / 1024, abs=0.012)


def test_models_that_answer_alike_do_not_differ():
    same = stats.statistics(np.arange(8.0))
    assert stats.paired_difference(same, same) == (0, (0, 0), 1)


def test_models_are_compared_where_each_scored_an_example():
    first, second = stats.statistics(np.array([1, np.nan, 3, 4.0])), stats.statistics(np.array([2, 2, np.nan, 5.0]))
    assert stats.paired_difference(first, second).value == pytest.approx(3 - 8 / 3)
    with pytest.raises(ValueError, match="other examples"):
        stats.paired_difference(first, second[:3])
    with pytest.raises(ValueError, match="not defined"):
        stats.paired_difference(first, np.zeros((4, 2)))


def test_holm_by_hand():
    assert stats.holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert stats.holm([0.9, 0.8]) == [1, 1] and stats.holm([]) == []
