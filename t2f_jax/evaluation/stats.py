"""Bootstrap intervals. Axes: N faces or other examples, A attributes, K statistics of an example."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from t2f_jax.evaluation import corpus_scores

RESAMPLES = 1000  # bootstrap resamples behind each interval
COLUMNS = 128  # statistics of figures that are resampled together, 8 bytes each per example
_KEPT = 10_000  # resamples of at most so many examples stay in memory, a byte per example and resample
_RESAMPLED_AT_ONCE = 1 << 20  # examples of the resamples that are in memory together


def statistics(per_example: np.ndarray) -> np.ndarray:
    """The contribution of each example to a figure, as statistics that can be summed.

    Args:
      per_example: [N, K], returned unchanged; or [N], NaN if an example was not scored.

    Returns:
      float64 [N, K]; for [N] the number (0 if not scored) and the count (1, 0 if not scored), [N, 2].
    """
    values = np.asarray(per_example, np.float64)
    if values.ndim == 2:
        return values
    known = ~np.isnan(values)
    return np.stack([np.where(known, values, 0.0), known.astype(np.float64)], axis=1)


def ratios(sums: np.ndarray) -> np.ndarray:
    """The mean over A of (numerator / denominator), [...], over denominators above 0; NaN if there is none.

    A is 1 for an accuracy or another mean, the number of values for a balanced accuracy, and the number of attributes
    for a mean over these.

    Args:
      sums: over the examples: A numerators, then A denominators, [..., 2A].
    """
    above, below = np.split(np.asarray(sums, np.float64), 2, axis=-1)
    known = below > 0
    terms = np.divide(above, below, out=np.zeros_like(above), where=known)
    return np.where(known.any(-1), terms.sum(-1) / np.maximum(known.sum(-1), 1), np.nan)


# Functions from the sums of a figure's statistics over the examples to its value, [..., K] -> [...]; named in cards.
COMBINATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ratios": ratios,
    "bleu": corpus_scores.bleu,
    "meteor": corpus_scores.meteor,
}


def resampled_sums(statistics_NxK: np.ndarray, seed: int = 0) -> np.ndarray:
    """The sums of statistics over each of `RESAMPLES` resamples, drawn with replacement, [RESAMPLES, K].

    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    The examples of a resample depend only on N and `seed`, so the values of two models on the same examples are
    paired: the percentiles of their differences are the paired bootstrap.
    """
    n = len(statistics_NxK)
    parts = _resamples(n, seed) if n <= _KEPT else _drawn(n, seed)
    return np.concatenate([times_RxN.astype(np.float64) @ statistics_NxK for times_RxN in parts])


def intervals(per_example: Sequence[np.ndarray], combine: Sequence[str], seed: int = 0) -> list[tuple[float, float]]:
    """95% percentile-bootstrap intervals of many figures over their examples.

    Args:
      per_example: the contributions of the examples to each figure, see `statistics`.
      combine: keys of `COMBINATIONS`, one for each figure.
    """
    ends = [(np.nan, np.nan)] * len(per_example)
    for places in together(per_example):
        for i, sums_RxK in zip(places, sums_of([per_example[i] for i in places], seed), strict=True):
            low, high = np.nanpercentile(COMBINATIONS[combine[i]](sums_RxK), (2.5, 97.5))
            ends[i] = float(low), float(high)
    return ends


def together(per_example: Sequence[np.ndarray]) -> list[list[int]]:
    """The indices of figures with the same number of examples, in groups of about `COLUMNS` statistics."""
    groups: list[list[int]] = []
    open_group: dict[int, tuple[list[int], int]] = {}  # number of examples -> indices, number of statistics
    for i, values in enumerate(per_example):
        places, columns = open_group.get(len(values), ([], COLUMNS))
        if columns >= COLUMNS:
            places, columns = [], 0
            groups.append(places)
        places.append(i)
        open_group[len(values)] = places, columns + (2 if values.ndim == 1 else values.shape[1])
    return groups


def sums_of(per_example: Sequence[np.ndarray], seed: int = 0) -> list[np.ndarray]:
    """`resampled_sums` of figures of the same examples, [RESAMPLES, K] each, with the same resamples."""
    parts = [statistics(values) for values in per_example]
    ends = np.cumsum([part.shape[1] for part in parts])[:-1]
    return np.split(resampled_sums(np.concatenate(parts, axis=1), seed), ends, axis=1)


@functools.lru_cache(maxsize=4)
def _resamples(n: int, seed: int) -> tuple[np.ndarray, ...]:
    """`_drawn`, cached."""
    return tuple(_drawn(n, seed))


def _drawn(n: int, seed: int) -> Iterator[np.ndarray]:
    """How often each example is in each resample, uint8 [some of the RESAMPLES, n] at a time."""
    rng, together = np.random.default_rng(seed), max(1, _RESAMPLED_AT_ONCE // n)
    for start in range(0, RESAMPLES, together):
        count = min(together, RESAMPLES - start)
        times = [np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(count)]
        yield np.stack(times).astype(np.uint8)


class Difference(NamedTuple):
    """Second value minus first value, its 95% interval, and the p value of the hypothesis of no difference."""

    value: float
    interval: tuple[float, float]
    p: float


def paired_difference(
    first_NxK: np.ndarray, second_NxK: np.ndarray, combine: str = "ratios", seed: int = 0
) -> Difference:
    """How two models differ in a figure on the same N examples.

    The interval is the paired bootstrap over the examples. The two-sided p comes from approximate randomization: how
    often the models differ at least as much after the two answers to each example were swapped at random.

    Source: Noreen, Computer-Intensive Methods for Testing Hypotheses, 1989, chapter 2 (randomization).

    Args:
      first_NxK, second_NxK: `statistics` of both models, in the same order of examples.

    Raises:
      ValueError: the shapes differ, or the figure is undefined for one of them.
    """
    if first_NxK.shape != second_NxK.shape:
        raise ValueError(f"statistics of other examples: {first_NxK.shape} and {second_NxK.shape}")
    value_of = COMBINATIONS[combine]
    value = float(value_of(second_NxK.sum(0)) - value_of(first_NxK.sum(0)))
    if not np.isfinite(value):
        raise ValueError("the figure is not defined for both models")
    ours, theirs = (value_of(sums_RxK) for sums_RxK in sums_of([second_NxK, first_NxK], seed))
    draws = ours - theirs
    low, high = np.nanpercentile(draws, (2.5, 97.5))
    rng, change_NxK = np.random.default_rng((seed, 1)), second_NxK - first_NxK
    moved = np.stack([rng.integers(2, size=len(change_NxK)) @ change_NxK for _ in range(RESAMPLES)])
    swapped = value_of(second_NxK.sum(0) - moved) - value_of(first_NxK.sum(0) + moved)
    as_far = np.abs(swapped) >= abs(value) * (1 - 1e-9)  # sums in another order differ in the last digits
    return Difference(value, (float(low), float(high)), float((as_far.sum() + 1) / (RESAMPLES + 1)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p values of one table, adjusted for multiple comparisons (Holm 1979), in the given order."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def interval(hits_NxA: np.ndarray, counts_NxA: np.ndarray, seed: int = 0) -> list[float]:
    """95% interval of `mean over A of (sum of hits / sum of counts)` by the percentile bootstrap over faces.

    Args:
      hits_NxA: numerators, [N, A] or [N] for a single ratio.
      counts_NxA: denominators of the same shape; 0 if a face's label is unknown.

    Returns:
      [low, high]; the same for the same numbers and seed.
    """
    both = [np.asarray(x, np.float64).reshape(len(hits_NxA), -1) for x in (hits_NxA, counts_NxA)]
    return list(intervals([np.concatenate(both, axis=1)], ["ratios"], seed)[0])
