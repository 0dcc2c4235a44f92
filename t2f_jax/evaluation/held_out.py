"""The test faces of a source that a model is evaluated on, and what it is asked about them."""

import dataclasses
import hashlib
import pathlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from t2f_jax.config.schema import Config
from t2f_jax.data import pixels
from t2f_jax.data.datasets.base import Source
from t2f_jax.evaluation.attributes import count_labels
from t2f_jax.evaluation.sources import Part, known_fields, shared_schema, with_all_faces
from t2f_jax.io.arrays import ChosenRows
from t2f_jax.io.files import to_json
from t2f_jax.tokens.attributes import Attribute, Fields


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """The faces of a source that a model is evaluated on, and the labels for the baselines.

    Attributes:
      every: all faces of the split; the judge's accuracy is measured on them.
      images, fields: of the faces that the model is evaluated on; images uint8 [N, S, S, 3], read in slices.
      ids: their names in the source.
      training: the training faces' labels {attribute: how often each occurs}, see `attributes.count_labels`.
      training_faces: their number.
      split: of the source; `all`: all three.
    """

    name: str
    schema: tuple[Attribute, ...]
    every: pixels.ImageSet
    images: ChosenRows | np.ndarray
    fields: list[Fields]
    training: Mapping[str, Counter]
    training_faces: int
    ids: Sequence[str] = ()
    split: str = "test"

    @property
    def fingerprint(self) -> str:
        """Hash of pixels, names and labels of the chosen faces."""
        return hashlib.sha256(to_json([self.every.key, self.split, list(self.ids), self.fields]).encode()).hexdigest()


def read_held_out(
    source: Source,
    config: Config,
    cache: pathlib.Path,
    seed: int,
    split: Part = "test",
    known: Iterable[Attribute] | None = None,
    kept: Sequence[pathlib.Path] = (),
) -> HeldOut:
    """`config.eval.faces` random faces of a split (all if it is 0 or exceeds their number), in the source's order.

    Args:
      cache: folder in which pixels are stored.
      known: attributes that the model knows; other attributes and values are not asked about. All if not given.
      kept: other folders that may hold the pixels, see `pixels.read_images`.
    """
    chosen, of = (with_all_faces(source), "test") if split == "all" else (source, split)
    every = pixels.read_images(chosen, of, config.data, cache, kept)
    schema = source.schema if known is None else shared_schema(source.schema, known)
    n = min(len(every), config.eval.faces or len(every))
    training = source.split("train")
    rows = np.sort(np.random.default_rng(seed).permutation(len(every))[:n])
    return HeldOut(
        name=source.name,
        schema=schema,
        every=every,
        images=ChosenRows(every.images, rows),
        fields=[known_fields(every.fields[i], schema) for i in rows],
        training=count_labels((known_fields(source.fields(i), schema) for i in training), schema),
        training_faces=len(training),
        ids=[every.ids[i] for i in rows],
        split=split,
    )
