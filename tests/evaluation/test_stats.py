import numpy as np
import pytest

from t2f_jax.evaluation import stats


def test_calibration_by_hand():
    result = stats.calibration(np.array([0.95, 0.95, 0.55, 1.0]), np.array([1, 0, 1, 1]))
    assert [b["n"] for b in result["bins"]] == [1, 3]
    assert result["ece"] == pytest.approx(0.25 * 0.45 + 0.75 * abs(2.9 / 3 - 2 / 3))


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
    one, two = (stats.resampled(stats.statistics(v)) for v in (values, values + 0.5))
    np.testing.assert_allclose(two - one, 0.5)  # a difference that all examples share has no width
    assert np.std(one) == pytest.approx(np.std(values) / np.sqrt(200), rel=0.1)
