import numpy as np
import pytest

from t2f_jax.evaluation.metrics.calibration import brier_parts, calibration, calibration_error, reliability


def test_bins_hold_equally_many():
    rng = np.random.default_rng(0)
    confidence = rng.random(1000) ** 3
    found = reliability(confidence, rng.random(1000) < confidence)
    assert found.n.tolist() == [100] * 10
    assert (np.diff(found.confidence) > 0).all()
    assert found.n @ found.confidence == pytest.approx(confidence.sum())


def test_the_error_by_hand():
    confidence = np.array([0.6, 0.6, 0.9, 0.9, 0.9, 0.9])
    right = np.array([1, 0, 1, 1, 1, 0])
    found = reliability(confidence, right, bins=2)
    assert found.n.tolist() == [2, 4] and found.accuracy.tolist() == [0.5, 0.75]
    assert calibration_error(confidence, right, bins=2) == pytest.approx((2 * 0.1 + 4 * 0.15) / 6)


def test_what_a_plot_shows():
    rng = np.random.default_rng(2)
    confidence, right = rng.random(27), rng.random(27) < 0.5
    shown = calibration(confidence, right)
    assert shown["ece"] == calibration_error(confidence, right) and [b["n"] for b in shown["bins"]] == [9, 9, 9]
    gaps = [9 * abs(b["confidence"] - b["accuracy"]) for b in shown["bins"]]
    assert shown["ece"] == pytest.approx(sum(gaps) / 27)


def test_calibrated_answers_have_a_small_error_and_sure_ones_a_large_one():
    rng = np.random.default_rng(1)
    confidence = rng.uniform(0.5, 1, 20000)
    right = rng.random(20000) < confidence
    assert calibration_error(confidence, right) < 0.02
    assert calibration_error(np.ones(20000), right) == pytest.approx(1 - right.mean())


def test_the_parts_make_up_the_brier_score():
    rng = np.random.default_rng(2)
    confidence = rng.choice([0.5, 0.7, 0.9], 300)
    right = rng.random(300) < 0.6
    parts = brier_parts(reliability(confidence, right, bins=3))
    brier = np.mean((confidence - right) ** 2)
    assert parts.reliability - parts.resolution + parts.uncertainty == pytest.approx(brier)
    assert parts.uncertainty == pytest.approx(right.mean() * (1 - right.mean()))


def test_few_and_equal_answers():
    assert reliability(np.array([0.7]), np.array([1])).n.tolist() == [1]
    assert reliability(np.full(50, 0.7), np.ones(50), bins=5).n.tolist() == [50]
    with pytest.raises(ValueError, match="needs an answer"):
        reliability(np.array([]), np.array([]))
