"""Bootstrap intervals and calibration."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Fields = Mapping[str, Any]  # {"attributes": {name: value}, "captions": [str, ...]}


Progress = Callable[[int], None]  # told how many faces more are done


ROUNDS = 1000  # bootstrap resamples behind each interval


BINS = 10  # of the calibration table


def silent(_: int) -> None:
    """A `Progress` that tells nobody."""


def interval(hits_NxA: np.ndarray, counts_NxA: np.ndarray, seed: int = 0) -> list[float]:
    """95% percentile bootstrap interval of `mean over A of (sum of hits / sum of counts)`, faces resampled.

    Args:
      hits_NxA: numerators, [N, A] or [N] for a single ratio.
      counts_NxA: denominators of the same shape; 0 where a face's label is unknown.

    Returns:
      [low, high]; the same for the same numbers and seed.
    """
    hits = np.asarray(hits_NxA, np.float64).reshape(len(hits_NxA), -1)
    counts = np.asarray(counts_NxA, np.float64).reshape(hits.shape)
    rng = np.random.default_rng(seed)
    draws = np.empty(ROUNDS)
    for r in range(ROUNDS):
        times_N = np.bincount(rng.integers(len(hits), size=len(hits)), minlength=len(hits)).astype(np.float64)
        below_A = times_N @ counts
        known_A = below_A > 0  # a resample may miss every face of a rare label
        draws[r] = np.mean((times_N @ hits)[known_A] / below_A[known_A]) if known_A.any() else np.nan
    low, high = np.nanpercentile(draws, (2.5, 97.5))
    return [float(low), float(high)]


def calibration(confidence_N: np.ndarray, right_N: np.ndarray) -> dict[str, Any]:
    """Expected calibration error over equal bins (Naeini et al. 2015): how far confidence and accuracy lie apart.

    Args:
      confidence_N: probability of the answer given, [N].
      right_N: was it right? bool or 0/1, [N].

    Returns:
      {"ece", "bins": [{confidence, accuracy, n}, ...]} with empty bins left out.
    """
    bin_N = np.minimum((np.asarray(confidence_N) * BINS).astype(int), BINS - 1)
    bins = []
    for b in np.unique(bin_N):
        inside = bin_N == b
        confidence, accuracy = float(np.mean(confidence_N[inside])), float(np.mean(right_N[inside]))
        bins.append({"confidence": confidence, "accuracy": accuracy, "n": int(inside.sum())})
    ece = sum(b["n"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / len(bin_N)
    return {"ece": float(ece), "bins": bins}
