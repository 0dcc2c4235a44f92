"""How far the confidence of answers can be believed: bins of equal mass, calibration error, and the Brier score parted.

Axes: N answers, B bins.
"""

import dataclasses
from typing import TypedDict

import numpy as np


@dataclasses.dataclass(frozen=True)
class Reliability:
    """Answers in bins by their confidence, [B] each: how many, their mean confidence, the share that is right."""

    n: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


class CalibrationBin(TypedDict):
    """Mean confidence and accuracy of the `n` answers of one bin."""

    confidence: float
    accuracy: float
    n: int


class Calibration(TypedDict):
    """The expected calibration error, and its bins: what a plot shows."""

    ece: float
    bins: list[CalibrationBin]


@dataclasses.dataclass(frozen=True)
class BrierParts:
    """The Brier score of binned confidences: `reliability - resolution + uncertainty`.

    Source: Murphy, A New Vector Partition of the Probability Score, Journal of Applied Meteorology 1973.

    Attributes:
      reliability: how far confidence and accuracy of the bins lie apart, squared; 0 is best.
      resolution: how far the bins' accuracies lie from that of all, squared; more is better.
      uncertainty: accuracy of all × (1 - accuracy of all): what no answer can change.
    """

    reliability: float
    resolution: float
    uncertainty: float


def reliability(confidence_N: np.ndarray, right_N: np.ndarray, bins: int | None = None) -> Reliability:
    """Sorts answers into bins of equal mass; equal confidences share a bin.

    Args:
      confidence_N: probability of the answer that was given.
      right_N: whether it was right, bool or 0/1.
      bins: at most so many; the cube root of N if not given.

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

    Bins of equal width, as they are usual, leave bins with few answers: Nixon et al., Measuring Calibration in Deep
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
    """The parts of the Brier score of answers that are all given the mean confidence of their bin."""
    share = found.n / found.n.sum()
    overall = float(share @ found.accuracy)
    return BrierParts(
        reliability=float(share @ np.square(found.confidence - found.accuracy)),
        resolution=float(share @ np.square(found.accuracy - overall)),
        uncertainty=overall * (1 - overall),
    )
