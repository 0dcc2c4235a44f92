"""A row of own data: one face's image, in any layout, and its values."""

import dataclasses
import io
import pathlib
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from t2f_jax.data.datasets.base import Split, file_signature, read_face
from t2f_jax.errors import UserError
from t2f_jax.io import images
from t2f_jax.io.files import no_file
from t2f_jax.io.framing import WHOLE, Framing


class Picture(Protocol):
    """An image that can be read at any time."""

    def signature(self) -> str:
        """Its file's name and size in bytes, the same in all layouts."""
        ...

    def data(self) -> bytes:
        """The bytes of its file. Raises UserError if there is none."""
        ...

    def read(self, size: int, framing: Framing = WHOLE, landmarks: np.ndarray | None = None) -> np.ndarray:
        """Pixels uint8 [size, size, 3], see `framing.fit`. Raises UserError if it cannot be read or decoded."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class FilePicture:
    """An image in its own file."""

    path: pathlib.Path

    def signature(self) -> str:
        """File name and size in bytes."""
        return file_signature(self.path)

    def data(self) -> bytes:
        """The file's bytes; raises UserError."""
        if wrong := no_file(self.path):
            raise UserError(f"{self.path}: {wrong}; an image file should lie there")
        return self.path.read_bytes()

    def read(self, size: int, framing: Framing = WHOLE, landmarks: np.ndarray | None = None) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        return read_face(self.path, size, framing, None, landmarks)


@dataclasses.dataclass(frozen=True, slots=True)
class Slice:
    """An image inside a larger file: `length` bytes from `start` on."""

    path: pathlib.Path
    start: int
    length: int
    name: str

    def signature(self) -> str:
        """The image's own name and size in bytes."""
        return f"{pathlib.PurePosixPath(self.name).name} {self.length}"

    def data(self) -> bytes:
        """The image's bytes."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.length)

    def read(self, size: int, framing: Framing = WHOLE, landmarks: np.ndarray | None = None) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        return decode(self.data(), f"{self.path}, {self.name}", size, framing, landmarks)


def decode(
    data: bytes, name: str, size: int, framing: Framing = WHOLE, landmarks: np.ndarray | None = None
) -> np.ndarray:
    """Encoded bytes -> pixels uint8 [size, size, 3]. Raises UserError, in which the image is called `name`."""
    if not data:
        raise UserError(f"{name}: the image is empty; give a whole JPEG, PNG or WebP")
    return images.read_image(io.BytesIO(data), size, framing, landmarks, name)


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One face, or one of several rows about it.

    Attributes:
      where: its place, for messages: "faces.csv, line 7".
      id: the image's name in the data, the same for all rows about it.
      picture: its image.
      values: {column: text, number, bool, list of texts, or None if unknown}.
      split: the split of the folder or shard; None if they have none.
    """

    where: str
    id: str
    picture: Picture
    values: Mapping[str, Any]
    split: Split | None = None


@dataclasses.dataclass(slots=True)
class Table:
    """The contents of a layout.

    Attributes:
      layout: its name: "CSV", "WebDataset".
      rows: in the order of the data.
      broken: {where: why} of rows that cannot be used.
    """

    layout: str
    rows: list[Row] = dataclasses.field(default_factory=list)
    broken: dict[str, str] = dataclasses.field(default_factory=dict)
