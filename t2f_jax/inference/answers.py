"""Summaries of probabilities: the most likely value of a choice, the median and an interval of a number.

Axis legend: N faces, V values of an attribute (`Attribute.candidates()`).
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np

from t2f_jax.tokens.attributes import Attribute

CENTRAL_90 = (0.05, 0.95)  # cumulative shares at which an interval begins and ends
CENTRAL_80 = (0.1, 0.9)


class ChoiceRecord(TypedDict):
    """A choice in plain values; "probability" is that of "value", the most likely one."""

    value: str
    probability: float
    probabilities: dict[str, float]


class NumberRecord(TypedDict):
    """A number in plain values, in the attribute's units; "value" is the median."""

    value: int
    median: int
    mode: int
    mean: float
    interval_90: list[int]
    probabilities: dict[int, float]


@dataclasses.dataclass(frozen=True)
class Number:
    """Summary of a distribution over whole numbers; `low` .. `high` is its central interval."""

    mean: float
    median: int
    mode: int
    low: int
    high: int


def summarize_number(attribute: Attribute, probs_V: np.ndarray, interval: tuple[float, float] = CENTRAL_90) -> Number:
    """Probabilities of a number's candidates -> its summary, in the attribute's units."""
    values = np.arange(attribute.low, attribute.high + 1)
    low, median, high = (int(values[quantile(probs_V[None], share)[0]]) for share in (interval[0], 0.5, interval[1]))
    mean = float(np.dot(values, probs_V) / np.sum(probs_V))
    return Number(mean, median, int(values[np.argmax(probs_V)]), low, high)


def make_record(attribute: Attribute, probs_V: np.ndarray) -> ChoiceRecord | NumberRecord:
    """Probabilities of an attribute's candidates -> plain values, as `t2f analyze` writes them."""
    shares = [float(p) for p in probs_V]
    if attribute.is_number:
        number = summarize_number(attribute, probs_V)
        return {
            "value": number.median,
            "median": number.median,
            "mode": number.mode,
            "mean": number.mean,
            "interval_90": [number.low, number.high],
            "probabilities": dict(zip(range(attribute.low, attribute.high + 1), shares)),
        }
    best = int(np.argmax(probs_V))
    return {
        "value": attribute.values[best],
        "probability": shares[best],
        "probabilities": dict(zip(attribute.values, shares)),
    }


def summarize_face(
    probabilities: Mapping[str, np.ndarray], schema: Sequence[Attribute]
) -> dict[str, dict[str, str | int | float]]:
    """One face's probabilities (by attribute name) -> their summary in a report.

    Returns:
      {name: {"value" (the most likely), "probability"}} for a choice, {name: {"value" (the median), "low", "high"}} for
      a number, with its central 80%. An attribute without probabilities is left out.
    """
    result: dict[str, dict[str, str | int | float]] = {}
    for attribute in schema:
        if attribute.name not in probabilities:
            continue
        probs_V = np.asarray(probabilities[attribute.name], np.float64)
        if attribute.is_number:
            number = summarize_number(attribute, probs_V, CENTRAL_80)
            result[attribute.name] = {"value": number.median, "low": number.low, "high": number.high}
        else:
            best = int(probs_V.argmax())
            share = float(probs_V[best] / probs_V.sum())
            result[attribute.name] = {"value": attribute.values[best], "probability": share}
    return result


def quantile(p_NxV: np.ndarray, share: float) -> np.ndarray:
    """Column of the first value whose cumulative probability reaches `share` (from 0 to 1), int [N]."""
    cumulative_NxV = p_NxV.cumsum(axis=1) / p_NxV.sum(axis=1, keepdims=True)
    below_N = (cumulative_NxV < share - 1e-9).sum(axis=1)  # a sum may miss the share by rounding
    return np.minimum(below_N, p_NxV.shape[1] - 1)
