"""The test faces of a source that a model is measured on, and what it is asked about them."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Sequence

import numpy as np

from t2f_jax.config.schema import Config
from t2f_jax.data import pixels
from t2f_jax.data.datasets.base import Source, Split
from t2f_jax.io.arrays import ChosenRows
from t2f_jax.io.files import to_json
from t2f_jax.tokens.attributes import Attribute, Fields


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """The faces of a source that a model is measured on, and the labels that baselines come from.

    Attributes:
      every: all faces of the split; the judge's accuracy is measured on them.
      images, fields: those that the model is measured on, images uint8 [N, S, S, 3], of which slices are read.
      ids: their names in the source.
      training_fields: the labels of the training faces.
      split: of the source.
    """

    name: str
    schema: tuple[Attribute, ...]
    every: pixels.ImageSet
    images: ChosenRows | np.ndarray
    fields: list[Fields]
    training_fields: list[Fields]
    ids: Sequence[str] = ()
    split: str = "test"

    @property
    def fingerprint(self) -> str:
        """Hash of pixels, names and labels of the chosen faces."""
        return hashlib.sha256(to_json([self.every.key, self.split, list(self.ids), self.fields]).encode()).hexdigest()


def read_held_out(source: Source, config: Config, cache: pathlib.Path, seed: int, split: Split = "test") -> HeldOut:
    """`config.eval.faces` random faces of a split (all if it is 0 or more than there are), in the source's order.

    Args:
      cache: folder in which pixels are kept.
    """
    every = pixels.read_images(source, split, config.data, cache)
    n = min(len(every), config.eval.faces or len(every))
    rows = np.sort(np.random.default_rng(seed).permutation(len(every))[:n])
    return HeldOut(
        name=source.name,
        schema=source.schema,
        every=every,
        images=ChosenRows(every.images, rows),
        fields=[every.fields[i] for i in rows],
        training_fields=[source.fields(i) for i in source.split("train")],
        ids=[every.ids[i] for i in rows],
        split=split,
    )
