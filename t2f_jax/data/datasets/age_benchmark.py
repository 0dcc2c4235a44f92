"""The partitions of the Facial Age Estimation Benchmark (J. Paplhám, V. Franc, CVPR 2024), chosen by name.

They cannot be recomputed: they are only in a JSON file for each dataset, <database>.json or <database>_aligned.json, to
be copied from https://github.com/paplhjak/Facial-Age-Estimation-Benchmark into the dataset's folder. Each image belongs
to one of ten folders; age-benchmark-0 to age-benchmark-4 combine them to training, validation and test. The aligned
file also has the place of the face.
"""

import dataclasses
import math
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets.base import Box, Split
from t2f_jax.data.datasets.listed import Face
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_json

# Training folders, then two validation folders; the remaining two are the test set.
_FOLDERS = {
    "age-benchmark-0": "01234567",
    "age-benchmark-1": "23456789",
    "age-benchmark-2": "45678901",
    "age-benchmark-3": "56789012",
    "age-benchmark-4": "67890123",
}
PARTITIONS = tuple(_FOLDERS)
SITE = "https://github.com/paplhjak/Facial-Age-Estimation-Benchmark"


def repartition(
    faces: Iterable[Face],
    config: SourceConfig,
    database: str,
    key: Callable[[str], str],
    skipped: dict[str, str],
    boxes: bool = True,
) -> Iterator[Face]:
    """Replaces the faces' splits by those of `config.partition`; no change if none is chosen.

    Faces that are not in the benchmark are put into `skipped`, {id: why}.

    Args:
      database: the benchmark's name of the dataset, such as "AgeDB".
      key: a file's name -> the part that is equal in a face's `id` and in the benchmark's path.
      boxes: whether the faces are read from the photographs in which the benchmark's boxes were found.

    Raises:
      UserError: the JSON file is missing or broken.
    """
    if not config.partition:
        yield from faces
        return
    folder = pathlib.Path(config.folder)
    path = next((p for p in (folder / f"{database}_aligned.json", folder / f"{database}.json") if p.is_file()), None)
    if path is None:
        raise UserError(
            f"{folder}: neither {database}_aligned.json nor {database}.json, which {config.partition} is read from;"
            f" take one from {SITE} and put it there"
        )
    entries = {key(pathlib.PurePath(entry["img_path"]).name): entry for entry in _entries(path)}
    for face in faces:
        entry = entries.get(key(face.id))
        if entry is None:
            skipped[face.id] = f"{path.name} does not name it"
        else:
            box = _box(entry.get("aligned_bbox")) if boxes else None
            split = _split(config.partition, entry["folder"])
            yield dataclasses.replace(face, split=split, box=box or face.box)


def _entries(path: pathlib.Path) -> list[dict[str, Any]]:
    entries = read_json(path, "the benchmark's list of images")
    for number, entry in enumerate(entries if isinstance(entries, list) else [None]):
        known = entry if isinstance(entry, dict) else {}
        if not isinstance(known.get("img_path"), str) or known.get("folder") not in range(10):
            raise UserError(f"{path}, entry {number}: it should have 'img_path' and 'folder', a number from 0 to 9")
    return entries


def _split(partition: str, folder: int) -> Split:
    place = _FOLDERS[partition].find(str(folder))
    return "test" if place < 0 else "train" if place < 6 else "validation"


def _box(corners: Sequence[float] | None) -> Box | None:
    """Four corners x, y of a possibly rotated square, clockwise from the upper left -> the upright square there."""
    if not isinstance(corners, list) or len(corners) != 8:
        return None
    x, y = sum(corners[0::2]) / 4, sum(corners[1::2]) / 4
    half = math.dist(corners[0:2], corners[2:4]) / 2
    return x - half, y - half, x + half, y + half
