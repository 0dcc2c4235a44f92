"""The data card of a store: one HTML file that describes a model's training data."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from t2f_jax.io.files import write_text
from t2f_jax.report import render
from t2f_jax.report.content import Picture


@dataclasses.dataclass(frozen=True)
class Example:
    """A face of the data: PNG bytes, its captions, its labels in words."""

    image: bytes
    captions: Sequence[str]
    labels: str


@dataclasses.dataclass(frozen=True)
class Balance:
    """How many faces have each pair of values of two attributes: `counts[row][column]`."""

    rows_are: str
    columns_are: str
    columns: list[str]
    counts: Mapping[str, Sequence[int]]

    @property
    def total(self) -> int:
        """Number of faces with both attributes known."""
        return sum(map(sum, self.counts.values()))


@dataclasses.dataclass(frozen=True)
class SourceCard:
    """One source; empty fields are not shown.

    Attributes:
      about: {"licence", "citation", ...: text}.
      faces: their number in each split.
      known: {attribute: share of faces that have a label for it, from 0 to 1}.
      captions: {"faces", "captions", "words per caption", "different words"}.
      plots: distributions of labels.
      notes: remarks about how it was read.
    """

    name: str
    title: str
    about: Mapping[str, str]
    faces: Mapping[str, int]
    known: Mapping[str, float] = dataclasses.field(default_factory=dict)
    captions: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    plots: Sequence[Picture] = ()
    balances: Sequence[Balance] = ()
    examples: Sequence[Example] = ()
    notes: Sequence[str] = ()

    @property
    def total(self) -> int:
        """Number of faces of all splits."""
        return sum(self.faces.values())

    @property
    def partly_known(self) -> dict[str, float]:
        """The attributes in `known` that some faces lack."""
        return {name: share for name, share in self.known.items() if share < 1}


@dataclasses.dataclass(frozen=True)
class DataCard:
    """A whole card.

    Attributes:
      summary: a sentence or two under the title.
      skipped: {why: number of files} that could not be read.
      copies: figures about duplicate pictures, see `data.copies.summary`; None if not known.
      run: short facts of the store.
      details: longer records, each folded under its name.
    """

    summary: str
    sources: Sequence[SourceCard]
    skipped: Mapping[str, int]
    copies: Mapping[str, int] | None
    run: Mapping[str, Any]
    details: Mapping[str, Any]


def write(path: pathlib.Path, title: str, card: DataCard) -> None:
    """Writes the page under its final name only once it is whole."""
    write_text(path, render.render("data_card.html", title=title, card=card))
