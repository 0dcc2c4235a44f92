"""The comparison of cards: one HTML file."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from t2f_jax.io.files import write_text
from t2f_jax.report import render


@dataclasses.dataclass(frozen=True)
class Cell:
    """A figure of a card, compared with the first card's; for the first card itself only the figure is set.

    Attributes:
      figure: as `Figure.to_dict`; None if the card has none, or if it is not comparable.
      refused: why it is not comparable: the fields in which the protocols differ; "" if it is.
      advice: what to do about that, as a clause.
      difference, interval, p: this figure minus the first card's, its 95% interval, and p adjusted for the whole table;
        None if unknown.
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
    """The figures of one part of the cards; `varying` are the fields that the user allows to differ."""

    part: str
    n: int
    rows: Sequence[Row]
    varying: Mapping[str, Sequence[Any]]

    @property
    def refusals(self) -> dict[tuple[int, str, str], list[str]]:
        """{(card, why, advice): the figures refused for this reason}."""
        found: dict[tuple[int, str, str], list[str]] = {}
        for row in self.rows:
            for card, cell in enumerate(row.cells):
                if cell.refused:
                    found.setdefault((card, cell.refused, cell.advice), []).append(row.name)
        return found


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Compared cards; the first one is the reference.

    Attributes:
      names: of the cards, in order.
      identities: which model was measured, and by which program.
    """

    names: Sequence[str]
    identities: Sequence[Mapping[str, Any]]
    tables: Sequence[Table]


def write(path: pathlib.Path, comparison: Comparison) -> None:
    """Writes the page under its final name only once it is whole."""
    title = " and ".join(comparison.names) if len(comparison.names) < 3 else f"{len(comparison.names)} models"
    write_text(path, render.render("compare.html", title=f"{title} side by side", comparison=comparison))
