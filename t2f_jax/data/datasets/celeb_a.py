"""CelebA as prepared by TensorFlow Datasets, `celeb_a`, read unchanged.

celeb_a/2.1.0/
    dataset_info.json, features.json
    celeb_a-train.tfrecord-00000-of-00016, ...      or array_record, or Parquet

Its splits are CelebA's. Examples lack the names of their images, so a face is named by its position.
"""

import functools
import io
import pathlib

import numpy as np

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets.base import SPLITS, Dataset, Split
from t2f_jax.data.datasets.celeba_files import COLUMNS, SCHEMA, attributes_of
from t2f_jax.data.datasets.tfds_records import Examples, prepared
from t2f_jax.errors import UserError
from t2f_jax.io import images
from t2f_jax.io.framing import POINTS, WHOLE, Framing
from t2f_jax.tokens.attributes import Fields


class CelebATfds:
    """A `base.FileSource` for a prepared `celeb_a`; opening it parses one example, the first access to labels all.

    Raises:
      UserError: there is no prepared dataset, or one with other features.
    """

    schema = SCHEMA

    def __init__(self, name: str, folder: pathlib.Path):
        self.name, self.dataset = name, DATASET
        self.skipped: list[dict[str, str]] = []
        self._folder = prepared(folder, "celeb_a")
        self._examples: dict[Split, Examples] = {split: Examples(self._folder, split) for split in SPLITS}
        self._places: list[tuple[Split, int]] = [
            (split, i) for split in SPLITS for i in range(len(self._examples[split]))
        ]
        self._labels(*self._places[0])

    def _labels(self, split: Split, i: int) -> np.ndarray:
        try:
            known = self._examples[split][i]["attributes"]
            return np.array([known[column] for column in COLUMNS], np.uint8)
        except (KeyError, TypeError) as error:
            raise UserError(f"{self._folder}: an example has no attribute {error}; is this TFDS's celeb_a?") from error

    @functools.cached_property
    def _labels_NxA(self) -> np.ndarray:
        return np.stack([self._labels(split, i) for split, i in self._places])

    def split(self, split: Split) -> list[int]:
        """Indices of a split, ascending."""
        return [i for i, (its, _) in enumerate(self._places) if its == split]

    def id(self, i: int) -> str:
        """Split and position in it, as "train/000007"."""
        split, place = self._places[i]
        return f"{split}/{place:06d}"

    def signature(self, i: int) -> str:
        """Version, split and position."""
        return f"celeb_a {self._folder.name} {self.id(i)}"

    def fields(self, i: int) -> Fields:
        """Labels of face i; it has no captions."""
        return {"attributes": attributes_of(self._labels_NxA[i]), "captions": []}

    def image(self, i: int, size: int, framing: Framing = WHOLE) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        landmarks = self.landmarks(i) if framing.resize == "landmarks" else None
        return images.read_image(
            io.BytesIO(self.original(i)), size, framing, landmarks, f"{self._folder}: {self.id(i)}"
        )

    def landmarks(self, i: int) -> np.ndarray | None:
        """Landmarks of face i, float [5, 2], see `framing`; None if its example has none."""
        split, place = self._places[i]
        known = self._examples[split][place].get("landmarks")
        return known and np.array([[known[f"{point}_{axis}"] for axis in "xy"] for point in POINTS], np.float64)

    def original(self, i: int) -> bytes:
        """The image file of face i."""
        split, place = self._places[i]
        return self._examples[split][place]["image"]


def _open(name: str, config: SourceConfig, seed: int) -> CelebATfds:
    return CelebATfds(name, pathlib.Path(config.folder))


DATASET = Dataset(
    kind="celeb_a",
    title="CelebA of TensorFlow Datasets",
    folder="celeb_a",
    open=_open,
    schema=SCHEMA,
    prompts=("a smiling young woman with blond hair", "gender : male , black hair , eyeglasses"),
    size="202,599 faces",
    licence="non-commercial research only",
    citation="Z. Liu, P. Luo, X. Wang, X. Tang: Deep Learning Face Attributes in the Wild, ICCV 2015",
    obtain=(
        "`tfds build celeb_a --data_dir=FOLDER` downloads and prepares it. Where Google Drive's quota forbids that, put"
        " img_align_celeba.zip and the files of labels into FOLDER/downloads/manual first."
    ),
    split_rule="TFDS's splits, which are CelebA's",
)
