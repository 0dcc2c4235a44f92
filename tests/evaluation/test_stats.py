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
