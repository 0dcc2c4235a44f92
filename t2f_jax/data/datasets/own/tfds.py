"""A dataset that TFDS has prepared: by its name, "tfds:lfw" or "tfds:lfw:0.1.1", or by the folder that it lies in.

Nothing is downloaded or prepared here. Records are read one by one by their places in the files, so the order of faces
does not depend on TFDS. Objects inside an example are opened: {"attributes": {"Male": True}} is column Male.
"""

import dataclasses
import os
import pathlib
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from t2f_jax.data.datasets.own import splits
from t2f_jax.data.datasets.own.manifest import flat
from t2f_jax.data.datasets.own.rows import Row, Table, decode
from t2f_jax.errors import UserError
from t2f_jax.tokens import ranges

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

PREFIX = "tfds:"
FORMATS = ("tfrecord", "array_record")
IDS = ("id", "image/filename", "filename", "file_name", "image_id", "key")  # features that name an example


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """The image of an example of TFDS: record `number` of an array_record file, or that from byte `start` on."""

    path: pathlib.Path
    number: int
    start: int
    size: int
    image: str
    name: str
    length: int

    def signature(self) -> str:
        """The image's own name and size in bytes."""
        return f"{self.name} {self.length}"

    def data(self) -> bytes:
        """The image's bytes; none if the example has none."""
        import tensorflow as tf

        if ".array_record" in self.path.name:
            record = _array_records(self.path)[self.number]
        else:
            with self.path.open("rb") as file:
                file.seek(self.start)
                record = file.read(self.size)
        values = tf.train.Example.FromString(record).features.feature[self.image].bytes_list.value
        return values[0] if values else b""

    def read(self, size: int, crop: float) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        return decode(self.data(), f"{self.path}, {self.name}", size, crop)


def is_prepared(folder: pathlib.Path) -> bool:
    """Whether TFDS has prepared a dataset in a folder."""
    return (folder / "features.json").is_file() and (folder / "dataset_info.json").is_file()


def read(place: str, image: str = "") -> Table:
    """The examples of all splits as rows.

    Args:
      place: "tfds:NAME", or the folder of a prepared dataset (the one that holds features.json).
      image: the feature of the image; if it is empty, the only one that there is.

    Raises:
      UserError: no such dataset, one that is not prepared, or one without an image.
    """
    import tensorflow_datasets as tfds

    builder = _builder(place)
    features = builder.info.features
    if not isinstance(features, tfds.features.FeaturesDict):
        raise UserError(f"{place}: its examples are no dictionaries; a dataset of faces has named features")
    images = [name for name, feature in features.items() if isinstance(feature, tfds.features.Image)]
    chosen = [image] if image in images else images
    if len(chosen) != 1:
        raise UserError(f'{place}: {len(images)} images in an example; choose one, such as columns="image=NAME"')
    encoded = {name: tfds.decode.SkipDecoding() for name in images}
    table = Table(f"TFDS {builder.info.full_name}")
    for split, info in builder.info.splits.items():
        records = ((path, *record) for path in map(pathlib.Path, info.filepaths) for record in _records(path))
        for number, (path, in_file, start, data) in enumerate(records):
            example: Any = features.deserialize_example_np(data, decoders=encoded)
            length = len(example[chosen[0]])
            values = {name: _plain(features[name], example[name]) for name in features if name not in images}
            key = next((key for key in IDS if isinstance(values.get(key), str) and values[key]), "")
            id = values.pop(key, "") or f"{split}-{number:07d}"
            record = Record(path, in_file, start, len(data), chosen[0], pathlib.PurePosixPath(id).name, length)
            table.rows.append(Row(f"{split}, example {number}", id, record, flat(values), splits.of_word(split)))
    return table


def _builder(place: str) -> "tfds.core.DatasetBuilder":
    """The prepared dataset. Raises UserError if it is not there."""
    import tensorflow_datasets as tfds

    name = place.removeprefix(PREFIX)
    try:
        if place.startswith(PREFIX):
            builder = tfds.builder(name, data_dir=os.environ.get("TFDS_DATA_DIR"))
        else:
            builder = tfds.builder_from_directory(place)
    except Exception as error:  # TFDS and the files that it reads raise whatever they like
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{place}: no dataset of TFDS ({first}); see tensorflow.org/datasets/catalog") from error
    if not builder.is_prepared():
        raise UserError(f"{place}: TFDS has not prepared it in {builder.data_dir}; run `tfds build {name}` first")
    kind = builder.info.file_format.file_suffix if builder.info.file_format else FORMATS[0]
    if kind not in FORMATS:
        raise UserError(f"{place}: prepared as {kind}, which is not read; prepare it as {' or '.join(FORMATS)}")
    return builder


def _records(path: pathlib.Path) -> Iterator[tuple[int, int, bytes]]:
    """-> (number, first byte, data) of each record of a file."""
    if ".array_record" in path.name:
        reader = _array_records(path)
        for number in range(len(reader)):
            yield number, 0, reader[number]
        return
    with path.open("rb") as file:  # a record: its length, four bytes to check it, the data, four bytes to check them
        number = 0
        while head := file.read(12):
            length = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else -1
            start, data = file.tell(), file.read(max(length, 0))
            if len(data) != length or len(file.read(4)) != 4:
                raise UserError(f"{path}: record {number} is cut short; prepare the dataset again")
            yield number, start, data
            number += 1


def _array_records(path: pathlib.Path) -> Any:
    from array_record.python.array_record_data_source import ArrayRecordDataSource

    return ArrayRecordDataSource([str(path)])


def _plain(feature: Any, value: Any) -> Any:
    """A value of TFDS as a table would hold it: names of classes, text, numbers, lists; None for what is unknown."""
    import tensorflow_datasets as tfds

    if isinstance(feature, tfds.features.FeaturesDict):
        if set(feature) == {"low", "high"}:  # a number of which a range is known, as this package's own builders write
            low, high = int(value["low"]), int(value["high"])
            return None if low < 0 else ranges.write(low, high if high <= ranges.LARGEST else None)
        return {name: _plain(feature[name], value[name]) for name in feature}
    if isinstance(feature, tfds.features.ClassLabel):
        return feature.int2str(int(value)).replace("_", " ") if int(value) >= 0 else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim):
        return [_plain(None, item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(None, value.item())
    return value
