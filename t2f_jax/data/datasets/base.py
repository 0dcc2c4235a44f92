"""Datasets behind one protocol: numbered faces with fields (labels, captions), a split, and pixels on demand."""

from typing import Any, Literal, Protocol

import numpy as np

from t2f_jax.tokens.attributes import Attribute

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
