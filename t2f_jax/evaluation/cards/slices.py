"""Figures by group of faces: age, gender, ethnicity. The contribution of each example is stored, so any figure made of
sums can be computed for any subset of the examples. Axes: N examples, K statistics of an example.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

import numpy as np

from t2f_jax.evaluation import stats
from t2f_jax.evaluation.figure import Figure
from t2f_jax.tokens import ranges

CHOICES = ("gender", "ethnicity", "skin tone", "young")  # attributes whose values are groups
DECADE = 10  # years of an age group
OLDEST = 80  # years; all faces from this age on are one group
FEWEST = 10  # examples that a group needs to get an interval

Labels = Sequence[Mapping[str, str | int]]  # of each of N examples {attribute: value}


class Slice(TypedDict):
    """A figure of one group: its value, number of examples, and 95% interval (None with fewer than `FEWEST`)."""

    group: str
    n: int
    value: float
    interval: list[float] | None


def labels_of_groups(labels: Mapping[str, str | int]) -> dict[str, str | int]:
    """The labels of a face that determine its groups."""
    return {name: labels[name] for name in ("age", *CHOICES) if name in labels}


def groups(labels: Labels) -> dict[str, dict[str, np.ndarray]]:
    """{attribute: {group: bool [N]}} of the attributes that faces are grouped by and that any face has a label for.

    Ages are grouped by decade; a range of ages that spans two decades belongs to none. An attribute with the same value
    for all faces is left out.
    """
    found: dict[str, dict[str, np.ndarray]] = {"age": {}}
    decades = [decade(known["age"]) if "age" in known else None for known in labels]
    for first in range(0, OLDEST + 1, DECADE):
        if first in decades:
            found["age"][decade_name(first)] = np.array([one == first for one in decades], bool)
    for name in CHOICES:
        values = sorted({str(known[name]) for known in labels if name in known})
        found[name] = {value: np.array([known.get(name) == value for known in labels], bool) for value in values}
    return {name: rows for name, rows in found.items() if len(rows) > 1}


def measure(figures: Sequence[Figure], labels: Labels, seed: int = 0) -> dict[str, dict[str, list[Slice]]]:
    """{figure: {attribute: its groups}}, for figures that are made of sums over the examples of `labels`.

    Args:
      seed: of the bootstrap.
    """
    fitting = [f for f in figures if f.per_example is not None and len(f.per_example) == len(labels)]
    sliced: dict[str, dict[str, list[Slice]]] = {figure.name: {} for figure in fitting}
    for attribute, parts in groups(labels).items() if fitting else ():
        for group, inside in parts.items():
            for name, found in _measure_group(fitting, inside, group, seed):
                sliced[name].setdefault(attribute, []).append(found)
    return {
        name: told for name, found in sliced.items() if (told := {key: s for key, s in found.items() if len(s) > 1})
    }


def _measure_group(
    figures: Sequence[Figure], inside_N: np.ndarray, group: str, seed: int
) -> Iterator[tuple[str, Slice]]:
    """(name, slice) of every figure that has scored examples in one group."""
    every = [np.asarray(figure.per_example) for figure in figures]
    for places in stats.together(every):
        rows = [every[i][inside_N] for i in places]
        for i, part, sums_RxK in zip(places, rows, stats.sums_of(rows, seed), strict=True):
            if found := _slice(figures[i], stats.statistics(part), sums_RxK, group):
                yield figures[i].name, found


def _slice(figure: Figure, statistics_NxK: np.ndarray, sums_RxK: np.ndarray, group: str) -> Slice | None:
    combine, n = stats.COMBINATIONS[figure.combine], int(statistics_NxK.any(axis=1).sum())
    value = float(combine(statistics_NxK.sum(0)))
    if not n or not np.isfinite(value):
        return None
    ends = np.nanpercentile(combine(sums_RxK), (2.5, 97.5)) if n >= FEWEST else None
    return {"group": group, "n": n, "value": value, "interval": None if ends is None else [float(e) for e in ends]}


def decade(age: str | int) -> int | None:
    """The first year of an age's group: 34 -> 30, "20-29" -> 20, 93 -> 80; None for a range that spans two."""
    inside = ranges.numbers(age)
    low, high = (min(year // DECADE * DECADE, OLDEST) for year in (inside[0], inside[-1]))
    return low if low == high else None


def decade_name(first: int) -> str:
    """30 -> "30–39", 80 -> "80+"."""
    return f"{first}–{first + DECADE - 1}" if first < OLDEST else f"{first}+"
