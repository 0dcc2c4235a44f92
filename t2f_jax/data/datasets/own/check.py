"""Checks own data: lists all problems at once, and how the data is read."""

import concurrent.futures
import dataclasses
import itertools
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from t2f_jax.data.datasets.base import SPLITS
from t2f_jax.data.datasets.listed import ENDINGS
from t2f_jax.data.datasets.own import source
from t2f_jax.data.datasets.own.columns import Column
from t2f_jax.data.datasets.own.rows import FilePicture
from t2f_jax.errors import UserError, is_machines_fault
from t2f_jax.io.progress import Progress

_SMALL = 8  # pixels: images are decoded completely at any size
_CHUNK = 256  # images of one unit of parallel work


@dataclasses.dataclass(frozen=True)
class Report:
    """How data is read, and its problems.

    Attributes:
      path: its place.
      layout: name of its layout.
      columns: what each column was read as.
      splits: {split: number of usable faces}.
      captions: number of captions.
      labelled: number of usable faces with a caption or a label.
      problems: [{"where", "why"}] of everything that cannot be used.
      notes: remarks for the user.
      silent: {row: its captions without content, which are left out}, such as "NA".
    """

    path: str
    layout: str
    columns: list[Column]
    splits: dict[str, int]
    captions: int
    labelled: int
    problems: list[dict[str, str]]
    notes: list[str]
    silent: dict[str, list[str]]

    @property
    def is_fine(self) -> bool:
        """Whether all of it can be used, and a model can learn from it."""
        return not self.problems and self.labelled > 0 and all(self.splits.values())

    def to_json(self) -> dict[str, Any]:
        """All of it as a plain dictionary."""
        return dataclasses.asdict(self)


def check(path: pathlib.Path, mapped: Mapping[str, str], decode: bool = True) -> Report:
    """Reads data as training would.

    Args:
      mapped: {column: its name here}, see `columns.parse_map`.
      decode: whether every image is decoded, too.

    Raises:
      UserError: nothing can be read, see `source.read`.
    """
    data = source.read(path, mapped)
    problems = [{"where": where, "why": why} for where, why in data.broken.items()]
    unreadable = dict(_unreadable(data.faces)) if decode else {}
    problems += [{"where": data.faces[i].where, "why": why} for i, why in unreadable.items()]
    splits = {split: 0 for split in SPLITS}
    for i, split in enumerate(data.splits):
        splits[split] += i not in unreadable
    captions = sum(len(face.fields["captions"]) for face in data.faces)
    faces = [face for i, face in enumerate(data.faces) if i not in unreadable]
    bare = [face.id for face in faces if not face.fields["captions"] and not face.fields["attributes"]]
    notes = _notes(data, splits, bare) + _silent(data.silent) + _not_in_use(path, data)
    labelled = len(faces) - len(bare)
    return Report(str(path), data.layout, data.columns, splits, captions, labelled, problems, notes, data.silent)


def _notes(data: source.Data, splits: Mapping[str, int], bare: Sequence[str]) -> list[str]:
    """Notes about the faces; `bare` are the names of those without caption and label."""
    notes = []
    said = {face.said for face in data.faces}
    dealt = [split for split in SPLITS if split not in said]
    if dealt:
        notes.append(f"nothing says which faces are {', '.join(dealt)}: a hash of their names decides")
    notes += [f"no face is {split}: each split needs one" for split in SPLITS if not splits[split]]
    if bare:
        notes.append(f"{_some(bare, 'face')} without a caption and a label")
    return notes


def _silent(silent: Mapping[str, Sequence[str]]) -> list[str]:
    """A note about captions without content; it names the first rows."""
    if not silent:
        return []
    first = [f"{where} ({', '.join(map(repr, captions))})" for where, captions in itertools.islice(silent.items(), 10)]
    more = f" and {len(silent) - len(first)} rows more" if len(silent) > len(first) else ""
    return [f"captions that say nothing are left out: {', '.join(first)}{more}"]


def _not_in_use(path: pathlib.Path, data: source.Data) -> list[str]:
    """Notes about the image files in a folder that the data does not use."""
    used = {face.picture.path for face in data.faces if isinstance(face.picture, FilePicture)}
    if not used or not path.is_dir():
        return []
    refused = {picture.path for picture in data.refused if isinstance(picture, FilePicture)}
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())
    rest = [file for file in found if file not in used]
    kinds = (
        ("whose row is left out", [str(file.relative_to(path)) for file in rest if file in refused]),
        ("without a row", [str(file.relative_to(path)) for file in rest if file not in refused]),
    )
    return [f"{_some(names, 'image')} {what}" for what, names in kinds if names]


def _some(names: Sequence[str], what: str) -> str:
    """["a", "b"] -> "2 faces (a, ...)"."""
    return f"{len(names)} {what}s ({names[0]}, ...)" if len(names) > 1 else f"1 {what} ({names[0]})"


def _unreadable(faces: Sequence[source.Face]) -> Iterator[tuple[int, str]]:
    """-> (number of a face, reason why its image cannot be read), in order."""
    chunks = [range(k, min(k + _CHUNK, len(faces))) for k in range(0, len(faces), _CHUNK)]
    workers = max(1, min(os.cpu_count() or 1, 16))
    with (
        concurrent.futures.ThreadPoolExecutor(workers) as pool,
        Progress("checking images", len(faces), unit="image") as bar,
    ):
        for chunk, whys in zip(chunks, pool.map(lambda chunk: [_why_unreadable(faces[i]) for i in chunk], chunks)):
            yield from ((i, why) for i, why in zip(chunk, whys) if why)
            bar.advance(len(chunk))


def _why_unreadable(face: source.Face) -> str:
    try:
        face.picture.read(_SMALL)
    except UserError as error:
        return str(error)
    except Exception as error:  # any error that a library raises for a broken file
        if is_machines_fault(error):
            raise
        return f"not a readable image ({type(error).__name__}: {error})"
    return ""
