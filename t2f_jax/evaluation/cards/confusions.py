"""Confusion matrices of a model's answers, counted from the rows of a part (`evaluation.rows`)."""

import collections
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from t2f_jax.evaluation.cards.slices import decade, decade_name


class Confusion(TypedDict):
    """`counts[i][j]`: faces whose label is `values[i]` and whose answer is `values[j]`."""

    values: list[str]
    counts: list[list[int]]


def count(rows: Iterable[Mapping[str, Any]]) -> dict[str, Confusion]:
    """{attribute: its confusion matrix} of all but yes-or-no attributes; faces without a label do not count.

    Values are in alphabetical order. Ages are counted by decade, other numbers not at all.
    """
    tallies: dict[str, collections.Counter[tuple[Any, Any]]] = collections.defaultdict(collections.Counter)
    for row in rows:
        for name, answer in row["answers"].items():
            label = row["labels"].get(name)
            if label is None:
                continue
            if "low" not in answer:
                tallies[name][label, answer["value"]] += 1
            elif name == "age" and (known := decade(label)) is not None:
                tallies[name][known, decade(answer["value"])] += 1
    found: dict[str, Confusion] = {}
    for name, tally in tallies.items():
        values = sorted({value for pair in tally for value in pair})
        if not {*values} <= {"no", "yes"}:
            counts = [[tally[true, said] for said in values] for true in values]
            found[name] = {"values": [decade_name(v) if isinstance(v, int) else v for v in values], "counts": counts}
    return found
