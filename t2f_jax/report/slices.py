"""Positions of a figure's values and intervals by group of faces, on a scale shared by all its groups."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from t2f_jax.report.content import PartReport
from t2f_jax.report.titles import title

ROOM = 0.06  # margin of the scale on either side


@dataclasses.dataclass(frozen=True)
class Place:
    """A group: its measurement, and the positions of its value and interval ends in percent of the scale."""

    group: str
    n: int
    value: float
    interval: list[float] | None
    point: float
    ends: tuple[float, float] | None


@dataclasses.dataclass(frozen=True)
class SliceTable:
    """A figure, its readable name, {attribute: its groups}, and the position of its value in percent of the scale."""

    figure: Mapping[str, Any]
    title: str
    groups: Mapping[str, list[Place]]
    whole: float


def is_main(figure: Mapping[str, Any]) -> bool:
    """Whether a figure is a main one: of all attributes together, or a number's error."""
    name: str = figure["name"]
    return name.count("/") < 2 or name.endswith("/mae")


def slice_tables(part: PartReport, main: bool = True) -> list[SliceTable]:
    """A table for each figure that has groups.

    Args:
      main: of the main figures, or of the others.
    """
    shown = [f for f in part.figures if is_main(f) is main and f["name"] in part.slices]
    return [_table(figure, part.slices[figure["name"]]) for figure in shown]


def _table(figure: Mapping[str, Any], groups: Mapping[str, Any]) -> SliceTable:
    values = [figure["value"]]
    for rows in groups.values():
        for row in rows:
            values += [row["value"], *(row["interval"] or ())]
    low, high = min(values), max(values)
    room = ROOM * (high - low) or 1.0

    def place(value: float) -> float:
        return 100 * (value - low + room) / (high - low + 2 * room)

    def ends(interval: list[float] | None) -> tuple[float, float] | None:
        return None if interval is None else (place(interval[0]), place(interval[1]))

    placed = {
        name: [Place(**row, point=place(row["value"]), ends=ends(row["interval"])) for row in rows]
        for name, rows in groups.items()
    }
    return SliceTable(figure, title(figure["name"]), placed, place(figure["value"]))
