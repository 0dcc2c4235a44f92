"""Columns of own data -> captions, attributes and their schema, and what each column was read as.

A column is read by its name: captions, `split`, `person`, landmarks (lefteye_x, ...); every other one is an attribute
if its values allow it (see `kinds`). A map, "caption=text, age=years, none=notes", renames columns; those named "none"
are left out.
"""

import collections
import contextlib
import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.data import names
from t2f_jax.data.datasets.base import Split
from t2f_jax.data.datasets.own import kinds, splits
from t2f_jax.data.datasets.own.rows import Row
from t2f_jax.errors import UserError, WrongArgument, nearest
from t2f_jax.io.framing import POINTS
from t2f_jax.tokens.attributes import Attribute, Fields, merge_schemas

LEFT_OUT, LANDMARK, NOT_READ = "none", "landmark", "not read"
CAPTIONS = ("caption", "captions", "text", "description")  # also with a number appended: "caption 2"
LANDMARKS = tuple(names.column(f"{point}_{axis}") for point in POINTS for axis in "xy")
RENAMED = {"sex": "gender", "race": "ethnicity", "partition": "split", "identity": "person"}
# Columns that pandas, img2dataset and others write besides labels; none describes a face.
TECHNICAL = {
    *("", "unnamed: 0", "id", "index", "key", "url", "status", "error message", "width", "height", "exif", "md5"),
    *("original width", "original height", "sha256", "punsafe", "pwatermark", "similarity", "licence", "license"),
    *("source", "image"),
}


@dataclasses.dataclass(frozen=True)
class Column:
    """What a column was read as.

    Attributes:
      name: its name in the data.
      role: "caption", "split", "person", "landmark", "attribute" or "not read".
      told: its values and their counts, or the reason why it is not read.
    """

    name: str
    role: str
    told: str


@dataclasses.dataclass(slots=True)
class Labels:
    """The contents of rows.

    Attributes:
      schema: the attributes.
      columns: what each column was read as, in the data's order.
      rows, fields, said, persons, landmarks: for each valid row: itself, its labels, split, person ("": unknown) and
        landmarks, see `framing`.
      broken: {where: why} of the others.
      silent: {where: its captions without content, which are left out}, see `kinds.says_nothing`.
    """

    schema: tuple[Attribute, ...]
    columns: list[Column]
    rows: list[Row] = dataclasses.field(default_factory=list)
    fields: list[Fields] = dataclasses.field(default_factory=list)
    said: list[Split | None] = dataclasses.field(default_factory=list)
    persons: list[str] = dataclasses.field(default_factory=list)
    landmarks: list[np.ndarray | None] = dataclasses.field(default_factory=list)
    broken: dict[str, str] = dataclasses.field(default_factory=dict)
    silent: dict[str, list[str]] = dataclasses.field(default_factory=dict)


def parse_map(text: str, key: str) -> dict[str, str]:
    """ "caption=text, none=notes" -> {"text": "caption", "notes": "none"}.

    Raises:
      WrongArgument: an invalid pair; the message begins with `key`.
    """
    columns: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        ours, equals, theirs = (part.strip() for part in pair.partition("="))
        if not equals or not ours or not theirs:
            raise WrongArgument(
                f"{key}: '{pair.strip()}' should be MEANING=YOUR COLUMN, such as caption=text, or none=COLUMN"
            )
        columns[theirs] = ours
    return columns


def read(rows: Sequence[Row], mapped: Mapping[str, str], where: str) -> Labels:
    """Reads the contents of rows.

    Args:
      mapped: {column: its name here}.
      where: place of the data, for messages.

    Raises:
      UserError: a column of the map is missing, or a column's name is almost that of one with a meaning.
    """
    found = list(dict.fromkeys(name for row in rows for name in row.values))
    called = {name: _called(name, mapped, where) for name in found}
    for name in mapped:
        if name not in found and mapped[name] != "image":
            near = nearest(name, found, 0.6)
            hint = f" (is it '{near}'?)" if near else ""
            if mapped[name] in found:
                hint = f"; the meaning comes first: {name}={mapped[name]}"
            raise UserError(f"{where}: no column '{name}'{hint}; there are {', '.join(found)}")
    counts = _count(
        rows, [name for name in found if called[name] not in ("caption", "split", "person", LANDMARK, LEFT_OUT)]
    )
    known = {name: kinds.of_column(called[name], counts[name], len(rows)) for name in counts}
    told = [_told(name, called[name], known.get(name), counts.get(name), rows) for name in found]
    labels = Labels(_schema(called, known), told)
    for row in rows:
        try:
            fields, said, person = _read_row(row, called, known)
            landmarks = _landmarks(row, mapped)
        except UserError as error:
            labels.broken[row.where] = str(error)
            continue
        cells = [value for name, value in row.values.items() if called[name] == "caption"]
        if silent := [line for cell in cells for line in _lines(cell) if kinds.says_nothing(line)]:
            labels.silent[row.where] = silent
        labels.rows.append(row)
        labels.fields.append(fields)
        labels.said.append(said)
        labels.persons.append(person)
        labels.landmarks.append(landmarks)
    return labels


def _called(name: str, mapped: Mapping[str, str], where: str) -> str:
    """A column's name here: "caption", "split", "person", "landmark", "none" or the name of an attribute."""
    ours = names.column(re.sub("[,:=]", " ", mapped.get(name, name)))
    if ours.rstrip("0123456789 ") in CAPTIONS:
        return "caption"
    if ours in LANDMARKS:
        return LANDMARK
    if name not in mapped:
        if ours in TECHNICAL or ours.startswith("__") or re.search(r" [xy]\d?$", ours):  # a landmark's coordinate
            return LEFT_OUT
        ours = RENAMED.get(ours, ours)
        near = nearest(ours, (*CAPTIONS, "split", "person", "age", "gender"), 0.8)
        if near and near != ours:
            right = f'columns="{near}={name}" or columns="none={name}"'
            raise UserError(f"{where}: column '{name}': is it '{near}'? Say {right}")
    return ours


def _count(rows: Iterable[Row], columns: Sequence[str]) -> "dict[str, collections.Counter[str]]":
    """The counts of known texts in each column; only the first MOST_DIFFERENT texts."""
    counts: dict[str, collections.Counter[str]] = {name: collections.Counter() for name in columns}
    for row in rows:
        for name, count in counts.items():
            try:
                text = kinds.text_of(row.values.get(name))
            except UserError:
                continue
            if text is not None and (text in count or len(count) < kinds.MOST_DIFFERENT):
                count[text] += 1
    return counts


def _schema(called: Mapping[str, str], known: Mapping[str, kinds.Kind]) -> tuple[Attribute, ...]:
    """The attributes, sorted by name, independent of the order of the columns."""
    found: list[Attribute] = []
    for name, kind in known.items():
        if kind.attribute:
            found += names.schema([called[name]], ()) or [kind.attribute]
    return tuple(sorted(merge_schemas([found]), key=lambda attribute: attribute.name))


@functools.lru_cache(1024)
def _is_of_other_sets(name: str) -> bool:
    return bool(names.schema([name], ()))


def _read_row(row: Row, called: Mapping[str, str], known: Mapping[str, kinds.Kind]) -> tuple[Fields, Split | None, str]:
    attributes: dict[str, str | int] = {}
    truths: dict[str, bool | None] = {}  # of the columns that other datasets also have
    captions: list[str] = []
    said, person = row.split, ""
    for name, value in row.values.items():
        ours = called[name]
        try:
            if ours == "caption":
                captions += _captions(value)
            elif ours == "split" and value is not None and str(value).strip():
                said = splits.of_word(str(value))
                if not said:
                    raise UserError(f"'{value}' should be train, validation or test")
            elif ours == "person":
                person = kinds.text_of(value) or ""
            elif (kind := known.get(name)) and kind.attribute and (text := kinds.text_of(value)) is not None:
                label = kind.label(text)
                if kind.attribute.name == ours and _is_of_other_sets(ours) and label in ("yes", "no"):
                    truths[ours] = label == "yes"
                elif label is not None:
                    attributes[ours] = label
        except UserError as error:
            raise UserError(f"column '{name}': {error}") from None
    attributes |= names.labels(truths, ())
    return {"attributes": dict(sorted(attributes.items())), "captions": list(dict.fromkeys(captions))}, said, person


def _landmarks(row: Row, mapped: Mapping[str, str]) -> np.ndarray | None:
    """Landmarks, float [5, 2], if the row has all of them."""
    given = {names.column(mapped.get(name, name)): (name, value) for name, value in row.values.items()}
    cells = [given[name] for name in LANDMARKS if name in given and given[name][1] not in (None, "")]
    if len(cells) < len(LANDMARKS):
        return None
    numbers = []
    for name, value in cells:
        try:
            numbers.append(float(value))
        except (TypeError, ValueError):
            raise UserError(f"column '{name}': {value!r} should be a place in the image, in pixels") from None
    return np.array(numbers).reshape(-1, 2)


def _captions(value: Any) -> list[str]:
    """The captions of a cell, except those without content."""
    return [line for line in _lines(value) if not kinds.says_nothing(line)]


def _lines(value: Any) -> list[str]:
    """The captions in a cell, one per line or in a list; with single spaces, without empty ones."""
    if value is None or value != value:
        return []
    texts = value if isinstance(value, list) else [value]
    captions = []
    for text in texts:
        if not isinstance(text, str):
            raise UserError(f"{text!r} is no text")
        kinds.check_text(text)
        captions += [" ".join(line.split()) for line in text.splitlines()]
    return [caption for caption in captions if caption]


def _told(
    name: str, ours: str, kind: kinds.Kind | None, count: "collections.Counter[str] | None", rows: Sequence[Row]
) -> Column:
    if ours == LEFT_OUT:
        return Column(name, NOT_READ, "none of what is seen in a face" if name else "it has no name")
    given = sum(_is_known(ours, row.values.get(name)) for row in rows)
    if kind is None:
        return Column(name, ours, f"in {given} of {len(rows)} rows")
    if kind.attribute is None:
        return Column(name, NOT_READ, kind.why)
    return Column(name, "attribute", f"{ours}: {_values(kind, count or {})}, in {given} of {len(rows)} rows")


def _is_known(ours: str, value: Any) -> bool:
    """Whether a cell has a value, valid or not."""
    try:
        return bool(_captions(value)) if ours == "caption" else kinds.text_of(value) is not None
    except UserError:
        return True


def _values(kind: kinds.Kind, count: Mapping[str, int]) -> str:
    """The values and their counts, most frequent first; for a number its range."""
    if kind.attribute and kind.attribute.is_number:
        return kind.attribute.allowed()
    found: collections.Counter[str] = collections.Counter()
    for text, times in count.items():
        with contextlib.suppress(UserError):
            found[str(kind.label(text) or "unknown")] += times
    return ", ".join(f"{value} {times}" for value, times in found.most_common(12))
