"""A part of a card as plain JSON, and reading a card.

CARD/card.json holds "parts", a `PartRecord` each; the rows of their examples are in the same folder.
"""

import dataclasses
import hashlib
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from t2f_jax.errors import UserError
from t2f_jax.evaluation import rows, stats
from t2f_jax.evaluation.cards import confusions, protocol, slices
from t2f_jax.evaluation.cards.confusions import Confusion
from t2f_jax.evaluation.cards.slices import Slice
from t2f_jax.evaluation.figure import Figure
from t2f_jax.evaluation.result import Part
from t2f_jax.io import files

FORMAT = 2  # of card.json; cards of format 1 had no "format", and no parts
CARD = "card.json"


class PartRecord(TypedDict):
    """Figures of one kind of examples of a source.

    `protocol_id` names the protocol and the lines of all figures; each figure's "id" the fields that determine it: two
    figures with the same id were measured in the same way.
    """

    name: str
    source: str
    examples: str
    n: int
    protocol: dict[str, Any]
    protocol_id: str
    figures: list[dict[str, Any]]  # as `Figure.to_dict`, and "id"
    slices: dict[str, dict[str, list[Slice]]]
    confusions: dict[str, Confusion]
    rows: str  # path of the file in the card's folder
    rows_sha256: str


def describe(part: Part) -> PartRecord:
    """The record of a part; reads its rows."""
    labels = [slices.labels_of_groups(row["labels"]) for row in rows.read(part.rows)]
    fields = {figure.name: protocol.fields_of(part.protocol, figure) for figure in part.figures}
    return {
        "name": part.name,
        "source": part.source,
        "examples": part.examples,
        "n": part.n,
        "protocol": dict(part.protocol),
        "protocol_id": protocol.identity([part.protocol, sorted((f.name, f.protocol) for f in part.figures)]),
        "figures": [{**f.to_dict(), "id": protocol.identity(fields[f.name])} for f in part.figures],
        "slices": slices.measure(part.figures, labels),
        "confusions": confusions.count(rows.read(part.rows)) if part.examples == "faces" else {},
        "rows": f"{rows.FOLDER}/{part.rows.name}",
        "rows_sha256": _sha256(part.rows),
    }


@dataclasses.dataclass(frozen=True)
class ReadPart:
    """A part of a card that was read.

    Attributes:
      figures: by name, without `per_example`, which is in the rows.
      rows: their file; None if the card was copied without it.
    """

    name: str
    n: int
    protocol: Mapping[str, Any]
    figures: Mapping[str, Figure]
    rows: pathlib.Path | None
    rows_sha256: str

    @property
    def has_its_rows(self) -> bool:
        """Whether the rows exist and are those that the card was written with."""
        return self.rows is not None and _sha256(self.rows) == self.rows_sha256

    def statistics(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        """The contribution of each example to some figures, [N, K]; without figures that are not sums or lack rows.

        Raises:
          UserError: the rows are broken, or have changed since the card was written.
        """
        if self.rows is None or not self.n:
            return {}
        if not self.has_its_rows:
            raise UserError(f"{self.rows}: not the rows that the card was written with; evaluate the model again")
        scored = next(rows.read(self.rows))["scores"]
        found = rows.per_example(self.rows, [name for name in names if name in scored])
        return {name: stats.statistics(values) for name, values in found.items()}


@dataclasses.dataclass(frozen=True)
class Card:
    """A card that was read; `identity` is the model that was measured, and the program that measured it."""

    path: pathlib.Path
    title: str
    identity: Mapping[str, Any]
    parts: tuple[ReadPart, ...]

    def part(self, name: str) -> ReadPart | None:
        """The part with that name, or None."""
        return next((part for part in self.parts if part.name == name), None)


def read(path: pathlib.Path) -> Card:
    """Reads a card, given its file or folder.

    Raises:
      UserError: the card is missing, broken, or of another format.
    """
    file = path / CARD if path.is_dir() else path
    values = files.read_json(file, "the card of an evaluated model")
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise UserError(
            f"{file}: no card of format {FORMAT}, the one that this version reads; evaluate the model again"
        )
    try:
        parts = tuple(_read_part(part, file.parent) for part in values["parts"])
        return Card(file, str(values["title"]), dict(values["identity"]), parts)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{file}: the card is broken ({error}); evaluate the model again") from error


def _read_part(values: Mapping[str, Any], folder: pathlib.Path) -> ReadPart:
    kept = folder / rows.FOLDER / pathlib.PurePosixPath(values["rows"]).name  # only in this folder
    figures = [Figure.from_dict({k: v for k, v in figure.items() if k != "id"}) for figure in values["figures"]]
    named = {figure.name: figure for figure in figures}
    found = kept if kept.is_file() else None
    return ReadPart(values["name"], values["n"], dict(values["protocol"]), named, found, values["rows_sha256"])


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
