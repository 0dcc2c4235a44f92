"""What a distribution over an attribute's values says: the likeliest, the median, an interval."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.tokens.attributes import Attribute


def answers(
    probabilities: Mapping[str, np.ndarray], schema: Sequence[Attribute]
) -> dict[str, dict[str, str | int | float]]:
    """One face's `probabilities` as values: the likeliest of a choice, the median of a number.

    Returns:
      {name: {"value", "probability"}} for a choice, {name: {"value", "low", "high"}} for a number (central 80%).
    """
    result: dict[str, dict[str, str | int | float]] = {}
    for attribute in schema:
        if attribute.name not in probabilities:
            continue
        p_V = np.asarray(probabilities[attribute.name], np.float64)
        if attribute.is_number:
            low, middle, high = (int(attribute.candidates()[quantile(p_V[None], q)[0]]) for q in (0.1, 0.5, 0.9))
            result[attribute.name] = {"value": middle, "low": low, "high": high}
        else:
            best = int(p_V.argmax())
            result[attribute.name] = {"value": attribute.values[best], "probability": float(p_V[best] / p_V.sum())}
    return result


@dataclasses.dataclass(frozen=True)
class Number:
    """What a distribution over whole numbers says: `mean`, `median`, `mode`, and the central 90% `low` .. `high`."""

    mean: float
    median: int
    mode: int
    low: int
    high: int


def number(attribute: Attribute, probs: np.ndarray) -> Number:
    """Probabilities [high - low + 1] of a number's candidates -> its summary, in the attribute's units."""
    values = np.arange(attribute.low, attribute.high + 1)
    below = np.cumsum(probs) / np.sum(probs)

    def quantile(share: float) -> int:
        return int(values[min(np.searchsorted(below, share - 1e-12), len(values) - 1)])

    mean = float(np.dot(values, probs) / np.sum(probs))
    return Number(mean, quantile(0.5), int(values[np.argmax(probs)]), quantile(0.05), quantile(0.95))


def record(attribute: Attribute, probs: np.ndarray) -> dict[str, Any]:
    """Probabilities over `attribute.candidates()` -> plain values.

    Returns:
      Of a choice {"value": the likeliest, "probability": its own, "probabilities": {value: probability}}; of a number,
      in the attribute's units, {"value": the median, "median", "mode", "mean", "interval_90": [low, high],
      "probabilities"}.
    """
    shares = [float(p) for p in probs]
    if attribute.is_number:
        told = number(attribute, probs)
        return {
            "value": told.median,
            "median": told.median,
            "mode": told.mode,
            "mean": told.mean,
            "interval_90": [told.low, told.high],
            "probabilities": dict(zip(range(attribute.low, attribute.high + 1), shares)),
        }
    best = int(np.argmax(probs))
    return {
        "value": attribute.values[best],
        "probability": shares[best],
        "probabilities": dict(zip(attribute.values, shares)),
    }


def quantile(p_NxV: np.ndarray, q: float) -> np.ndarray:
    """Column of the first value whose cumulative share reaches q, int [N]."""
    cumulative_NxV = p_NxV.cumsum(axis=1) / p_NxV.sum(axis=1, keepdims=True)
    below_N = (cumulative_NxV < q - 1e-9).sum(axis=1)  # a hair's breadth, for sums that miss q by rounding
    return np.minimum(below_N, p_NxV.shape[1] - 1)
