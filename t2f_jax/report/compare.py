"""Cards side by side: one HTML file."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from t2f_jax.io.files import write_text
from t2f_jax.report import render


@dataclasses.dataclass(frozen=True)
class Cell:
    """A figure of a card beside the first card's; of the first card itself everything but the figure is None.

    Attributes:
      figure: as `Figure.to_dict`; None where the card has none, or it must not stand here.
      refused: why it must not: the fields in which the protocols differ; "" if it may.
      advice: what to do about that, a clause.
      difference, interval, p: by how much it exceeds the first card's figure, with its 95% interval and a p adjusted
        for the whole table; None where that is not known.
      verdict: "better", "worse", "no difference shown" or "".
    """

    figure: Mapping[str, Any] | None
    refused: str = ""
    advice: str = ""
    difference: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    verdict: str = ""


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure of all cards."""

    name: str
    unit: str
    better: str
    cells: Sequence[Cell]


@dataclasses.dataclass(frozen=True)
class Table:
    """The figures of one part of the cards; `varying` are fields that may differ because the user said so."""

    part: str
    n: int
    rows: Sequence[Row]
    varying: Mapping[str, Sequence[Any]]

    @property
    def refusals(self) -> dict[tuple[int, str, str], list[str]]:
        """{(card, why, advice): the figures that were refused for it}."""
        found: dict[tuple[int, str, str], list[str]] = {}
        for row in self.rows:
            for card, cell in enumerate(row.cells):
                if cell.refused:
                    found.setdefault((card, cell.refused, cell.advice), []).append(row.name)
        return found


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Cards side by side, the first of them the one that the others are held against.

    Attributes:
      names: of the cards, in their order.
      identities: what was measured, and by what.
    """

    names: Sequence[str]
    identities: Sequence[Mapping[str, Any]]
    tables: Sequence[Table]


def write(path: pathlib.Path, comparison: Comparison) -> None:
    """Writes the page under its final name only once it is whole."""
    title = " and ".join(comparison.names) if len(comparison.names) < 3 else f"{len(comparison.names)} models"
    write_text(path, render.render("compare.html", title=f"{title} side by side", comparison=comparison))
