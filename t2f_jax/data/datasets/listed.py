"""A dataset that is a list of faces in separate image files, as most public datasets are.

A dataset's module reads its label files into `Face`s, in an order independent of the disk; `Listed` does the rest.
"""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from t2f_jax.data.datasets.base import SPLITS, Box, Dataset, Split, file_signature, original, packed_files, read_face
from t2f_jax.errors import UserError
from t2f_jax.io.framing import WHOLE, Framing
from t2f_jax.tokens.attributes import Attribute, Fields

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


MARGIN = 0.4  # around a detected face, as a share of its box: hair and chin


@dataclasses.dataclass(frozen=True, slots=True)
class Face:
    """One face of a list.

    Attributes:
      id: its name, unique in its source, relative to the dataset's folder ("train/7.jpg").
      path: its image file.
      fields: its labels and captions; unknown ones are absent.
      split: the split that it belongs to.
      box: its place in the image; None if the image is the face. The area outside the image is black.
    """

    id: str
    path: pathlib.Path
    fields: Fields
    split: Split
    box: Box | None = None


class Listed:
    """A `base.Source` for a list of faces. A face whose file is missing is left out and listed in `skipped`.

    Args:
      faces: in the order of their indices.
      skipped: {id: why} of what the dataset's module leaves out; it may be filled while `faces` is read.
      schema: the attributes of its faces, if they are not all of the dataset's.
      landmarks: face -> its landmarks in its image file, float [5, 2], see `framing`, or None; called only if they are
        needed, so that a large file of them is not read in vain.

    Raises:
      UserError: no face is left, or two have the same id.
    """

    def __init__(
        self,
        name: str,
        dataset: Dataset,
        faces: Iterable[Face],
        skipped: Mapping[str, str] | None = None,
        schema: Sequence[Attribute] | None = None,
        landmarks: Callable[[Face], np.ndarray | None] | None = None,
    ):
        self.name, self.dataset, self._landmarks = name, dataset, landmarks
        self.schema = dataset.schema if schema is None else tuple(schema)
        absent: dict[str, str] = {}
        self._faces: list[Face] = []
        self._splits: dict[Split, list[int]] = {split: [] for split in SPLITS}
        files, seen = Files(), set()
        for face in faces:
            if face.id in seen:
                raise UserError(f"{name}: two faces are called {face.id} (the second is {face.path}); each is one face")
            seen.add(face.id)
            if face.path in files:
                self._splits[face.split].append(len(self._faces))
                self._faces.append(face)
            else:
                absent[face.id] = f"{face.path}: no such file"
        self.skipped = [{"id": id, "why": why} for id, why in {**(skipped or {}), **absent}.items()]
        if not self._faces:
            why = f"; the first of {len(self.skipped)}: {self.skipped[0]['why']}" if self.skipped else ""
            raise UserError(f"{name}: not one face of {dataset.title} can be used{why}. {dataset.obtain}")

    def split(self, split: Split) -> list[int]:
        """Indices of a split, ascending."""
        return self._splits[split]

    def id(self, i: int) -> str:
        """Name of face i."""
        return self._faces[i].id

    def signature(self, i: int) -> str:
        """File name and size in bytes, and the box, if any."""
        face = self._faces[i]
        return file_signature(face.path) + (f" {face.box}" if face.box else "")

    def fields(self, i: int) -> Fields:
        """Labels and captions of face i."""
        return self._faces[i].fields

    def image(self, i: int, size: int, framing: Framing = WHOLE) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        face = self._faces[i]
        landmarks = self.landmarks(i) if framing.resize == "landmarks" else None
        return read_face(face.path, size, framing, face.box, landmarks)

    def landmarks(self, i: int) -> np.ndarray | None:
        """Landmarks of face i in its picture, which is the part in its box if it has one; None if they are unknown."""
        face = self._faces[i]
        points = self._landmarks(face) if self._landmarks else None
        return points if points is None or face.box is None else points - np.round(face.box[:2])

    def original(self, i: int) -> bytes:
        """The image file of face i, or the part in its box as PNG; raises UserError."""
        return original(self._faces[i].path, self._faces[i].box)

    def whole_file(self, i: int) -> bytes:
        """The image file that contains face i, perhaps among others; raises UserError."""
        return original(self._faces[i].path)


class Files:
    """The existing files. Each folder is listed once: checking millions of files one by one takes minutes."""

    def __init__(self):
        self._names: dict[str, set[str]] = {}

    def __contains__(self, path: pathlib.Path | str) -> bool:
        folder, name = os.path.split(path)
        if folder not in self._names:
            self._names[folder] = set(os.listdir(folder)) if os.path.isdir(folder) else set()
        return name in self._names[folder]


def find(folder: pathlib.Path, dataset: Dataset, *places: str) -> pathlib.Path:
    """The first of `places` (paths relative to the dataset's folder) that exists.

    Raises:
      UserError: none exists; the message lists them, archives that are still packed, and how to get the dataset.
    """
    for place in places:
        if (folder / place).exists():
            return folder / place
    packed = packed_files(folder, *{(folder / place).parent for place in places})
    hint = f" {packed[0]} is still packed: unpack it there." if packed else ""
    raise UserError(f"{folder}: no {' or '.join(places)}, which {dataset.title} needs.{hint} {dataset.obtain}")


def images_in(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """{name without its ending: path} of the images directly in a folder, sorted; endings in any case."""
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    return {os.path.splitext(name)[0]: folder / name for name in names if name.lower().endswith(ENDINGS)}


def split_by_hash(name: str) -> Split:
    """A split (8 : 1 : 1 on average) by a hash of a name, the same everywhere, for datasets that publish none.

    If the dataset identifies people, pass the person's name, so that nobody is in two splits.
    """
    tenth = int(hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest(), 16) % 10
    return "train" if tenth < 8 else "validation" if tenth == 8 else "test"


def validation_by_hash(name: str) -> Split:
    """Training or (one in twenty) validation by a hash of a name, for datasets that publish only training and test."""
    share = int(hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest(), 16) % 20
    return "validation" if share == 0 else "train"


def widened(box: Box, margin: float = MARGIN) -> Box:
    """The square around a box's centre with a margin of `margin` times its longer side on each side."""
    left, top, right, bottom = box
    x, y = (left + right) / 2, (top + bottom) / 2
    half = max(right - left, bottom - top) * (0.5 + margin)
    return x - half, y - half, x + half, y + half
