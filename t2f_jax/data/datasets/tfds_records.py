"""Examples of a dataset that TFDS has prepared, read by position, without the code that prepared it.

TFDS itself reads array_record and Parquet by position. For TFRecord files, its default, the starts of the examples are
found here once: a file is a sequence of (length, its checksum, the example, its checksum).
"""

import pathlib
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from t2f_jax.errors import UserError

_LENGTH, _CHECK = struct.Struct("<Q"), 4


class Examples:
    """The examples of one split as dictionaries; images are the bytes of their files, not decoded.

    Args:
      folder: has dataset_info.json and the files.
      images: the names of the features that are images.

    Raises:
      UserError: TFDS cannot read the folder, it has no such split, or a file is cut short.
    """

    def __init__(self, folder: pathlib.Path, split: str, images: tuple[str, ...] = ("image",)):
        import tensorflow_datasets as tfds  # takes seconds

        self.folder, self.split = folder, split
        self._decoders = {name: tfds.decode.SkipDecoding() for name in images}
        try:
            builder: Any = tfds.builder_from_directory(str(folder))
        except Exception as error:  # any error that its readers raise for a damaged file
            raise UserError(f"{folder}: TFDS reads no dataset from it ({error}); prepare it again") from error
        if split not in builder.info.splits:
            raise UserError(f"{folder}: no split '{split}'; it has {', '.join(builder.info.splits) or 'none'}")
        self._features: Any = builder.info.features
        self._paths: list[pathlib.Path] = []
        self._places_Nx3 = np.zeros((0, 3), np.int64)  # number of a file, first byte, bytes
        self._source: Any = None
        if builder.info.file_format is tfds.core.FileFormat.TFRECORD:
            self._paths = [pathlib.Path(path) for path in builder.info.splits[split].filepaths]
            self._places_Nx3 = np.array([p for k, path in enumerate(self._paths) for p in _places(k, path)], np.int64)
        else:
            self._source = builder.as_data_source(split, decoders=self._decoders)

    def __len__(self) -> int:
        return len(self._places_Nx3) if self._source is None else len(self._source)

    def __getitem__(self, i: int) -> dict[str, Any]:
        if self._source is not None:
            return self._source[i]
        number, start, length = self._places_Nx3[i].tolist()
        with self._paths[number].open("rb") as file:
            file.seek(start)
            return self._features.deserialize_example_np(file.read(length), decoders=self._decoders)


def _places(number: int, path: pathlib.Path) -> Iterator[tuple[int, int, int]]:
    """(number of the file, first byte, bytes) for each example of a TFRecord file; only the lengths are read."""
    at = 0
    try:
        size = path.stat().st_size
        with path.open("rb", buffering=0) as file:
            while at < size:
                file.seek(at)
                head = file.read(_LENGTH.size)
                start = at + _LENGTH.size + _CHECK
                length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else size
                at = start + length + _CHECK
                if at > size:
                    raise UserError(f"{path}: the file is cut short; prepare the dataset again")
                yield number, start, length
    except OSError as error:
        raise UserError(f"{path}: no readable examples ({error.strerror}); prepare the dataset again") from error


def prepared(folder: pathlib.Path, name: str) -> pathlib.Path:
    """The folder of the newest version of a prepared dataset: in `folder`, in its folder `name`, or `folder` itself.

    Raises:
      UserError: there is none.
    """
    found = [info.parent for place in (folder, folder / name) for info in place.glob("*/dataset_info.json")]
    found += [folder] if (folder / "dataset_info.json").is_file() else []
    if not found:
        raise UserError(
            f"{folder}: TFDS has prepared no {name} here; {name}/<version>/dataset_info.json should be there"
        )
    return max(found, key=_version)


def _version(folder: pathlib.Path) -> list[int]:
    return [int(part) if part.isdecimal() else -1 for part in folder.name.split(".")]
