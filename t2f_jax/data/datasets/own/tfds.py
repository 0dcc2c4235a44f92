"""A dataset that TFDS has prepared: by its name, "tfds:lfw" or "tfds:lfw:0.1.1", or by its folder.

Nothing is downloaded or prepared here. Nested objects are flattened: {"about": {"Male": True}} is column Male. To learn
the columns' values, every example is parsed once per machine; its row is cached as a line of JSON, which later openings
read instead.
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from t2f_jax.data.datasets.own import splits
from t2f_jax.data.datasets.own.manifest import flat
from t2f_jax.data.datasets.own.rows import Row, Table, decode
from t2f_jax.data.datasets.prepared_index import kept
from t2f_jax.data.datasets.tfds_records import Examples
from t2f_jax.errors import UserError
from t2f_jax.io.files import defined, json_line, parse_json
from t2f_jax.io.framing import WHOLE, Framing
from t2f_jax.io.progress import Progress
from t2f_jax.tokens import ranges

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

PREFIX = "tfds:"
_LINES = "rows.jsonl"
IDS = ("id", "image/filename", "filename", "file_name", "image_id", "key")  # features that name an example


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """The image of a TFDS example, by its number in a split."""

    folder: pathlib.Path
    split: str
    number: int
    image: str  # the feature
    name: str
    length: int

    def signature(self) -> str:
        """The image's own name and size in bytes."""
        return f"{self.name} {self.length}"

    def data(self) -> bytes:
        """The image's bytes; raises UserError."""
        return _examples(self.folder, self.split, self.image)[self.number][self.image]

    def read(self, size: int, framing: Framing = WHOLE, landmarks: np.ndarray | None = None) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        return decode(self.data(), f"{self.folder}, {self.name}", size, framing, landmarks)


@functools.lru_cache(maxsize=16)
def _examples(folder: pathlib.Path, split: str, image: str) -> Examples:
    return Examples(folder, split, (image,))


def is_prepared(folder: pathlib.Path) -> bool:
    """Whether TFDS has prepared a dataset in a folder."""
    return (folder / "features.json").is_file() and (folder / "dataset_info.json").is_file()


def read(place: str, image: str = "") -> Table:
    """The examples of all splits as rows.

    Args:
      place: "tfds:NAME", or the folder of a prepared dataset (the one with features.json).
      image: the feature of the image; if empty, the only one.

    Raises:
      UserError: no such dataset, one that is not prepared, or one without an image.
    """
    import tensorflow_datasets as tfds

    builder = _builder(place)
    features = builder.info.features
    if not isinstance(features, tfds.features.FeaturesDict):
        raise UserError(f"{place}: its examples are not dictionaries; a dataset of faces has named features")
    images = [name for name, feature in features.items() if isinstance(feature, tfds.features.Image)]
    chosen = [image] if image in images else images
    if len(chosen) != 1:
        raise UserError(f'{place}: {len(images)} images in an example; choose one, such as columns="image=NAME"')
    folder, name = pathlib.Path(builder.data_dir), chosen[0]
    table = Table(f"TFDS {builder.info.full_name}")
    made = kept(folder, lambda partial: _write(partial / _LINES, folder, builder, name, images), f"rows of {name} ")
    for line in (made / _LINES).read_bytes().splitlines():
        split, number, id, length, values = parse_json(line)
        record = Record(folder, split, number, name, pathlib.PurePosixPath(id).name, length)
        table.rows.append(Row(f"{split}, example {number}", id, record, values, splits.of_word(split)))
    return table


def _write(
    path: pathlib.Path, folder: pathlib.Path, builder: "tfds.core.DatasetBuilder", name: str, images: Sequence[str]
) -> None:
    """Writes one line per example: its split, number, name, the bytes of its image and its values."""
    features: Any = builder.info.features
    total = sum(split.num_examples for split in builder.info.splits.values())
    with path.open("w", encoding="utf-8") as file, Progress("reading what TFDS prepared", total) as bar:
        for split in builder.info.splits:
            examples = _examples(folder, split, name)
            for number in range(len(examples)):
                example = examples[number]
                values = {key: _plain(features[key], example[key]) for key in features if key not in images}
                key = next((key for key in IDS if isinstance(values.get(key), str) and values[key]), "")
                id = values.pop(key, "") or f"{split}-{number:07d}"
                file.write(json_line(defined([split, number, id, len(example[name]), flat(values)])))
                bar.advance(1)


def _builder(place: str) -> "tfds.core.DatasetBuilder":
    """The prepared dataset. Raises UserError if it does not exist."""
    import tensorflow_datasets as tfds

    name = place.removeprefix(PREFIX)
    try:
        if place.startswith(PREFIX):
            builder = tfds.builder(name, data_dir=os.environ.get("TFDS_DATA_DIR"))
        else:
            builder = tfds.builder_from_directory(place)
    except Exception as error:  # TFDS and its readers raise errors of many kinds
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{place}: no dataset of TFDS ({first}); see tensorflow.org/datasets/catalog") from error
    if not builder.is_prepared():
        raise UserError(f"{place}: TFDS has not prepared it in {builder.data_dir}; run `tfds build {name}` first")
    return builder


def _plain(feature: Any, value: Any) -> Any:
    """A TFDS value as in a table: names of classes, text, numbers, lists; None if it is unknown."""
    import tensorflow_datasets as tfds

    if isinstance(feature, tfds.features.FeaturesDict):
        if set(feature) == {"low", "high"}:  # a range of numbers, as this package's own builders write it
            low, high = int(value["low"]), int(value["high"])
            return None if low < 0 else ranges.write(low, high if high <= ranges.LARGEST else None)
        return {name: _plain(feature[name], value[name]) for name in feature}
    if isinstance(feature, tfds.features.ClassLabel):
        return feature.int2str(int(value)).replace("_", " ") if int(value) >= 0 else None
    if isinstance(value, Mapping):
        return {str(name): _plain(None, item) for name, item in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "biufc":
        return []  # arrays of numbers, such as embeddings, are no labels
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim):
        return [_plain(None, item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(None, value.item())
    return value if value is None or isinstance(value, (str, int, float)) else str(value)
