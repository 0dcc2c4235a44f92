"""Bootstrap intervals and calibration. Axes: N faces, A attributes."""

from typing import TypedDict

import numpy as np

RESAMPLES = 1000  # bootstrap resamples behind each interval
BINS = 10  # of the calibration table


class CalibrationBin(TypedDict):
    """Mean confidence and accuracy of the `n` answers of one bin."""

    confidence: float
    accuracy: float
    n: int


class Calibration(TypedDict):
    """The expected calibration error, and the bins that hold an answer."""

    ece: float
    bins: list[CalibrationBin]


def interval(hits_NxA: np.ndarray, counts_NxA: np.ndarray, seed: int = 0) -> list[float]:
    """95% interval of `mean over A of (sum of hits / sum of counts)` by the percentile bootstrap over faces.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

    Args:
      hits_NxA: numerators, [N, A] or [N] for a single ratio.
      counts_NxA: denominators of the same shape; 0 where a face's label is unknown.

    Returns:
      [low, high]; the same for the same numbers and seed.
    """
    hits = np.asarray(hits_NxA, np.float64).reshape(len(hits_NxA), -1)
    counts = np.asarray(counts_NxA, np.float64).reshape(hits.shape)
    rng = np.random.default_rng(seed)
    draws = np.empty(RESAMPLES)
    for r in range(RESAMPLES):
        times_N = np.bincount(rng.integers(len(hits), size=len(hits)), minlength=len(hits)).astype(np.float64)
        below_A = times_N @ counts
        known_A = below_A > 0  # a resample may hold no face that has a rare label
        draws[r] = np.mean((times_N @ hits)[known_A] / below_A[known_A]) if known_A.any() else np.nan
    low, high = np.nanpercentile(draws, (2.5, 97.5))
    return [float(low), float(high)]


def calibration(confidence_N: np.ndarray, right_N: np.ndarray) -> Calibration:
    """How far confidence and accuracy lie apart: the expected calibration error over bins of equal width.

    Source: Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015.

    Args:
      confidence_N: probability of the answer given, [N].
      right_N: whether it was right, bool or 0/1, [N].
    """
    bin_N = np.minimum((np.asarray(confidence_N) * BINS).astype(int), BINS - 1)
    bins: list[CalibrationBin] = []
    for b in np.unique(bin_N):
        inside = bin_N == b
        confidence, accuracy = float(np.mean(confidence_N[inside])), float(np.mean(right_N[inside]))
        bins.append({"confidence": confidence, "accuracy": accuracy, "n": int(inside.sum())})
    ece = sum(b["n"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / len(bin_N)
    return {"ece": float(ece), "bins": bins}
