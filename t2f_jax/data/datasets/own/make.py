"""Writes a first table for a folder of images, which its owner fills in."""

import csv
import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from t2f_jax.data.datasets.listed import ENDINGS
from t2f_jax.data.datasets.own import layouts, manifest, splits
from t2f_jax.errors import UserError
from t2f_jax.io.files import decode, json_line, whole_file

NAME = "faces.csv"
TO_FILL = ("caption", "age", "gender")  # columns of a first table, empty if unknown


@dataclasses.dataclass(frozen=True)
class Made:
    """The written table: its path, numbers of rows and of found captions, and left-out files: {file: why}."""

    path: pathlib.Path
    rows: int
    captions: int
    left_out: dict[str, str]


def make(folder: pathlib.Path, out: pathlib.Path | None = None) -> Made:
    """Writes a table with a row for each image in a folder and below it.

    It fills in what the folder shows: captions from a text file beside an image ("7.txt" of "7.jpg", one per line),
    `split` if folders are named by splits, `label` if the images are in several folders.

    Args:
      out: the table's file: .csv, .tsv, .jsonl or .parquet, in the folder or above it; None: `folder/faces.csv`.

    Raises:
      UserError: no folder, no image in it, a file or a table that exists already, or an `out` with another ending or
        place.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; name the folder that holds the images")
    if out is None and (there := layouts.tables(folder)) and there != [folder / NAME]:
        wanted = f"`t2f data check {folder}` shows how it is read; for another table give --out FILE"
        raise UserError(f"{there[0]}: a table is there already; {wanted}")
    out = out or folder / NAME
    base, ending = pathlib.Path(os.path.abspath(out.parent)), out.suffix.lower()
    if ending not in manifest.ENDINGS:
        raise UserError(f"{out}: the name of a table ends in {', '.join(manifest.ENDINGS)}")
    if not pathlib.Path(os.path.abspath(folder)).is_relative_to(base):
        raise UserError(f"{out}: a table lies in the folder of the images ({folder}) or above it; name it there")
    if out.exists():
        raise UserError(f"{out}: already there; delete it, or name another file")
    images, left_out = _images(folder)
    if not images:
        raise UserError(f"{folder}: no image ({', '.join(ENDINGS)}) in it; name the folder that holds the images")
    rows = _rows(folder, images, base)
    _write(out, rows)
    return Made(out, len(rows), sum(bool(row["caption"]) for row in rows), left_out)


def _images(folder: pathlib.Path) -> tuple[list[pathlib.Path], dict[str, str]]:
    """Images in a folder and below it, sorted, and {file: why} of those that a table cannot name."""
    found, left_out = [], {}
    for place, inner, files in os.walk(folder):
        inner[:] = [name for name in inner if not name.startswith(".")]
        for name in files:
            path = pathlib.Path(place, name)
            if name.startswith(".") or path.suffix.lower() not in ENDINGS:
                continue
            try:
                str(path).encode()
                found.append(path)
            except UnicodeEncodeError:
                left_out[ascii(str(path.relative_to(folder)))] = "the name is no UTF-8; rename the file"
    return sorted(found), left_out


def _rows(folder: pathlib.Path, images: Sequence[pathlib.Path], base: pathlib.Path) -> list[dict[str, Any]]:
    """One row per image; all have the same columns."""
    inside = [path.relative_to(folder) for path in images]
    said = [splits.of_folder(path) for path in inside]
    classes = [tuple(part for part in path.parts[:-1] if not splits.of_word(part)) for path in inside]
    are_classes = {len(parts) for parts in classes} == {1} and len(set(classes)) > 1
    rows = []
    for path, split, parts in zip(images, said, classes):
        row: dict[str, Any] = {"image": pathlib.Path(os.path.abspath(path)).relative_to(base).as_posix()}
        row |= dict.fromkeys(TO_FILL) | {"caption": _caption(path)}
        row |= {"label": parts[0]} if are_classes else {}
        rows.append(row | ({"split": split} if any(said) else {}))
    return rows


def _caption(image: pathlib.Path) -> str | None:
    """The captions in the text file beside an image, one per line; None if there is none."""
    text = image.with_suffix(".txt")
    if not text.is_file():
        return None
    try:
        lines = [" ".join(line.split()) for line in decode(text.read_bytes()).splitlines()]
    except ValueError as error:
        raise UserError(f"{text}: no text ({error}); save it as UTF-8, or delete it") from None
    return "\n".join(filter(None, lines)) or None


def _write(out: pathlib.Path, rows: Sequence[dict[str, Any]]) -> None:
    ending = out.suffix.lower()
    with whole_file(out) as partial:
        if ending == ".parquet":
            import pyarrow
            import pyarrow.parquet

            text = pyarrow.schema([(name, pyarrow.string()) for name in rows[0]])
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows), text), partial)
        elif ending in (".csv", ".tsv"):
            with partial.open("w", newline="", encoding="utf-8-sig") as file:  # the mark shows Excel that it is UTF-8
                writer = csv.DictWriter(file, list(rows[0]), delimiter="," if ending == ".csv" else "\t")
                writer.writeheader()
                writer.writerows(rows)
        else:
            partial.write_text("".join(map(json_line, rows)), encoding="utf-8")
