"""Drawn faces as a dataset."""

import functools
import hashlib

import numpy as np

from t2f_jax.data.datasets.base import Dataset, Split
from t2f_jax.data.datasets.synthetic import labels
from t2f_jax.errors import UserError
from t2f_jax.io.framing import WHOLE, Framing
from t2f_jax.tokens.attributes import Fields

DATASET = Dataset(
    kind="synthetic",
    title="Drawn faces",
    size="as many as data.sources.<name>.count",
    drawn=True,
    open=lambda name, config, seed: Synthetic(name, config.count, seed),
    schema=labels.SCHEMA,
    prompts=(
        "a smiling woman with long red hair and glasses",
        "an old man with a beard and a hat",
        "a young girl with short black hair and a scarf",
        "gender : male , age : 40 , background : green , not glasses",
    ),
    licence="that of this package",
    obtain="Nothing to get: the package draws as many faces as `count` says.",
)


class Synthetic:
    """Drawn faces: the first 80% of the indices train, the next 10% validate, the last 10% test (at least one each)."""

    dataset = DATASET
    schema = labels.SCHEMA

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
        """The number of face i."""
        return f"{i:07d}"

    def signature(self, i: int) -> str:
        """Everything that determines the drawing."""
        return f"seed {self.seed} face {i} {self._look}"

    @functools.cached_property
    def _look(self) -> str:
        """Hash of a few faces, so that pixels cached before a change of the drawing code are not used."""
        return hashlib.sha256(b"".join(labels.draw(self.seed, i, 32).tobytes() for i in range(8))).hexdigest()

    def fields(self, i: int) -> Fields:
        """Labels of face i; it has no captions."""
        return {"attributes": dict(labels.labels(self.seed, i)), "captions": []}

    def image(self, i: int, size: int, framing: Framing = WHOLE) -> np.ndarray:
        """Pixels uint8 [size, size, 3]."""
        del framing  # a drawn face fills its square already
        return labels.draw(self.seed, i, size)
