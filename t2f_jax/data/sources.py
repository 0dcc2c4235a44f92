"""Datasets behind one protocol: numbered faces with fields (labels, captions), a split, and pixels on demand."""

import functools
import hashlib
import pathlib
from typing import Any, Literal, Protocol

import numpy as np

from t2f_jax.config.loader import data_root
from t2f_jax.config.schema import SourceConfig
from t2f_jax.data import synthetic
from t2f_jax.data.celeba import CelebA
from t2f_jax.data.utkface import UTKFace
from t2f_jax.errors import UserError
from t2f_jax.tokens.templates import Attribute

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class Source(Protocol):
    """One dataset. Faces are known by an index; opening a source decodes no image.

    Attributes:
      name: the key of the dataset in `data.sources`.
      schema: the questions that its faces can answer.
      skipped: [{"id", "why"}] of what the dataset holds but cannot be used.
    """

    name: str
    schema: tuple[Attribute, ...]
    skipped: list[dict[str, str]]

    def split(self, split: Split) -> list[int]:
        """Indices of the split's faces, ascending; the three splits do not overlap."""
        ...

    def id(self, i: int) -> str:
        """Name of face i, unique in its source (a file name, mostly)."""
        ...

    def signature(self, i: int) -> str:
        """A text that changes when the pixels of face i do; cached pixels and codes are kept under it."""
        ...

    def fields(self, i: int) -> dict[str, Any]:
        """{"attributes": {name: value}, "captions": [text, ...]}; what is unknown is absent, a number is an int."""
        ...

    def image(self, i: int, size: int, crop: float) -> np.ndarray:
        """Pixels, uint8 [size, size, 3]. Raises imaging.CorruptImage for a file that cannot be decoded."""
        ...


class Synthetic:
    """Drawn faces: the first 80% of the indices train, the next 10% validate, the last 10% test (at least one each)."""

    schema = synthetic.SCHEMA

    def __init__(self, name: str, count: int, seed: int):
        if count < 3:
            raise UserError(f"data.sources.{name}.count={count} must be 3 or more: each split needs a face")
        self.name, self.count, self.seed = name, count, seed
        self.skipped: list[dict[str, str]] = []

    def split(self, split: Split) -> list[int]:
        """Indices of a split, ascending."""
        tenth = max(1, self.count // 10)
        first, last = {
            "train": (0, self.count - 2 * tenth),
            "validation": (self.count - 2 * tenth, self.count - tenth),
            "test": (self.count - tenth, self.count),
        }[split]
        return list(range(first, last))

    def id(self, i: int) -> str:
        """Its number."""
        return f"{i:07d}"

    def signature(self, i: int) -> str:
        """What decides the drawing."""
        return f"seed {self.seed} face {i} {self._look}"

    @functools.cached_property
    def _look(self) -> str:
        """Hash of a few faces, so that pixels cached before a change of the drawing are not taken for today's."""
        return hashlib.sha256(b"".join(synthetic.draw(self.seed, i, 32).tobytes() for i in range(8))).hexdigest()

    def fields(self, i: int) -> dict[str, Any]:
        """Labels of face i; it has no captions."""
        return {"attributes": dict(synthetic.labels(self.seed, i)), "captions": []}

    def image(self, i: int, size: int, crop: float) -> np.ndarray:
        """Pixels uint8 [size, size, 3]."""
        del crop  # a drawn face fills its square already
        return synthetic.draw(self.seed, i, size)


_FOLDERS = {"celeba": ("CelebA", CelebA), "utkface": ("UTKFace", UTKFace)}


def make(config: SourceConfig, name: str, seed: int = 0) -> Source:
    """Opens the dataset that `data.sources.<name>` describes; `seed` is that of drawn faces.

    Raises:
      UserError: its folder is missing, or what lies there is not in the official layout.
    """
    if config.kind == "synthetic":
        return Synthetic(name, config.count, seed)
    if config.kind not in _FOLDERS:
        raise UserError(f"data.sources.{name}.kind='{config.kind}' must be one of synthetic, {', '.join(_FOLDERS)}")
    official, open_source = _FOLDERS[config.kind]
    root = data_root()
    if not config.folder and not root:
        raise UserError(
            f"where is {official}? set T2F_DATA to the folder that holds {official}/,"
            f" or data.sources.{name}.folder to itself"
        )
    folder = pathlib.Path(config.folder or pathlib.Path(root) / official).expanduser()
    if not folder.is_dir():
        raise UserError(
            f"{folder}: no such folder ({official} was looked for there); set T2F_DATA to the folder that holds"
            f" {official}/, or data.sources.{name}.folder to itself"
        )
    return open_source(name, folder)
