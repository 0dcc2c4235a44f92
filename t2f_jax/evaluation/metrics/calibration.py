"""Calibration of answers: bins of equal mass, calibration error, and the decomposition of the Brier score.

Axes: N answers, B bins.
"""

import dataclasses
from typing import TypedDict

import numpy as np


@dataclasses.dataclass(frozen=True)
class Reliability:
    """Answers in bins by their confidence, [B] each: number, mean confidence, accuracy."""

    n: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


class CalibrationBin(TypedDict):
    """Mean confidence and accuracy of the `n` answers of one bin."""

    confidence: float
    accuracy: float
    n: int


class Calibration(TypedDict):
    """The expected calibration error and its bins, for a plot."""

    ece: float
    bins: list[CalibrationBin]


@dataclasses.dataclass(frozen=True)
class BrierParts:
    """The Brier score of binned confidences: `reliability - resolution + uncertainty`.

    Source: Murphy, A New Vector Partition of the Probability Score, Journal of Applied Meteorology 1973.

    Attributes:
      reliability: mean squared difference of the bins' confidence and accuracy; 0 is best.
      resolution: mean squared difference of the bins' accuracies and the overall accuracy; more is better.
      uncertainty: overall accuracy × (1 - overall accuracy), which does not depend on the confidences.
    """

    reliability: float
    resolution: float
    uncertainty: float


def reliability(confidence_N: np.ndarray, right_N: np.ndarray, bins: int | None = None) -> Reliability:
    """Sorts answers into bins of equal mass; equal confidences share a bin.

    Args:
      confidence_N: probability of the given answer.
      right_N: whether it is correct, bool or 0/1.
      bins: their largest number; the cube root of N if not given.

    Raises:
      ValueError: there is no answer.
    """
    confidence, right = np.asarray(confidence_N, np.float64), np.asarray(right_N, np.float64)
    if not len(confidence):
        raise ValueError("reliability needs an answer")
    count = bins or max(1, round(len(confidence) ** (1 / 3)))
    edges = np.quantile(confidence, np.linspace(0, 1, count + 1)[1:-1], method="higher")
    bin_N = np.searchsorted(edges, confidence, side="right")
    n = np.bincount(bin_N)
    filled = n > 0
    sums = [np.bincount(bin_N, weights)[filled] / n[filled] for weights in (confidence, right)]
    return Reliability(n[filled], *sums)


def calibration_error(confidence_N: np.ndarray, right_N: np.ndarray, bins: int | None = None) -> float:
    """The expected calibration error over bins of equal mass, 0 (best) to 1; arguments as in `reliability`.

    The usual bins of equal width leave some bins with few answers: Nixon et al., Measuring Calibration in Deep
    Learning, CVPR workshops 2019.
    """
    found = reliability(confidence_N, right_N, bins)
    return float(np.sum(found.n * np.abs(found.confidence - found.accuracy)) / found.n.sum())


def calibration(confidence_N: np.ndarray, right_N: np.ndarray) -> Calibration:
    """`calibration_error` and `reliability` of N answers, as plain values."""
    found = reliability(confidence_N, right_N)
    columns = zip(found.confidence.tolist(), found.accuracy.tolist(), found.n.tolist(), strict=True)
    bins: list[CalibrationBin] = [{"confidence": c, "accuracy": a, "n": n} for c, a, n in columns]
    return {"ece": calibration_error(confidence_N, right_N), "bins": bins}


def brier_parts(found: Reliability) -> BrierParts:
    """The decomposition of the Brier score if each answer has the mean confidence of its bin."""
    share = found.n / found.n.sum()
    overall = float(share @ found.accuracy)
    return BrierParts(
        reliability=float(share @ np.square(found.confidence - found.accuracy)),
        resolution=float(share @ np.square(found.accuracy - overall)),
        uncertainty=overall * (1 - overall),
    )
