"""A dataset as TFDS has prepared it (`data.tfds_builders`), read in place of the folder that its owners ship.

So millions of images can be gathered by Apache Beam on many machines, and then be read by position from a few large
files. They must be of a format that can: `--file_format=array_record`.
"""

import dataclasses
import io
import pathlib
from typing import Any, cast

import numpy as np

from t2f_jax.data.datasets.base import SPLITS, Dataset, Split
from t2f_jax.errors import UserError
from t2f_jax.io import images
from t2f_jax.tokens import ranges
from t2f_jax.tokens.attributes import Attribute, Fields

INFO = "dataset_info.json"  # in a folder that TFDS has prepared
UNKNOWN = -1  # what a builder writes for a label that is not known


def feature_name(attribute: Attribute) -> str:
    """An attribute's name among a builder's features: "hair color" -> "hair_color"."""
    return attribute.name.replace(" ", "_")


def find(folder: pathlib.Path, kind: str, partition: str) -> pathlib.Path | None:
    """The newest version of a dataset that TFDS has prepared in `folder`, its data_dir; None if there is none.

    Raises:
      UserError: there is one, but not of this partition.
    """
    place = folder / f"t2f_{kind}"
    if not place.is_dir():
        return None
    configs = (partition,) if partition else ("", "official")
    found = [path.parent for config in configs for path in place.joinpath(config).glob(f"*/{INFO}")]
    if not found:
        wanted = f"partition {partition}" if partition else "its own partition"
        raise UserError(f"{place}: TFDS has prepared nothing of {wanted} here; run `tfds build` for it")
    return max(found, key=lambda path: [int(number) for number in path.name.split(".") if number.isdecimal()])


@dataclasses.dataclass(frozen=True, slots=True)
class _Face:
    id: str
    split: Split
    row: int  # in what TFDS has of the split
    fields: Fields
    size: int  # bytes of its image file


class Prepared:
    """A `base.Source` over what TFDS has prepared; opening it reads all records, but decodes no image.

    Faces are in the order of their names.

    Raises:
      UserError: files that cannot be read, or not by position.
    """

    def __init__(self, name: str, dataset: Dataset, folder: pathlib.Path):
        import tensorflow_datasets as tfds

        self.name, self.dataset, self.schema, self._folder = name, dataset, dataset.schema, folder
        self.skipped: list[dict[str, str]] = []
        try:
            builder: Any = tfds.builder_from_directory(folder)
            decoders = {"image": cast(Any, tfds.decode).SkipDecoding()}
            splits: list[Split] = [split for split in SPLITS if split in builder.info.splits]
            self._data: dict[Split, Any] = {s: builder.as_data_source(s, decoders=decoders) for s in splits}
        except NotImplementedError as error:
            raise UserError(
                f"{folder}: its files cannot be read by position; prepare it with `tfds build"
                " --file_format=array_record`"
            ) from error
        except Exception as error:  # TFDS raises many kinds for files that are cut or missing
            raise UserError(f"{folder}: TFDS cannot read what it has prepared here ({error})") from error
        labels = builder.info.features["attributes"]
        faces = [
            _Face(_text(record["id"]), split, row, _fields(record, labels, self.schema), len(record["image"]))
            for split, data in self._data.items()
            for row, record in enumerate(data)
        ]
        self._faces = sorted(faces, key=lambda face: face.id)
        self._splits: dict[Split, list[int]] = {split: [] for split in SPLITS}
        for i, face in enumerate(self._faces):
            self._splits[face.split].append(i)

    def split(self, split: Split) -> list[int]:
        """Indices of a split, ascending."""
        return self._splits[split]

    def id(self, i: int) -> str:
        """The name that the dataset's own source gives face i."""
        return self._faces[i].id

    def signature(self, i: int) -> str:
        """Its file's name and size in bytes, as the dataset's own source has it."""
        face = self._faces[i]
        return f"{pathlib.PurePosixPath(face.id).name} {face.size}"

    def fields(self, i: int) -> Fields:
        """Labels and captions of face i."""
        return self._faces[i].fields

    def image(self, i: int, size: int, crop: float) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        return images.fit(images.open_image(io.BytesIO(self.original(i)), self.id(i)), size, crop)

    def original(self, i: int) -> bytes:
        """The image file of face i."""
        face = self._faces[i]
        return self._data[face.split][face.row]["image"]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _fields(record: Any, features: Any, schema: tuple[Attribute, ...]) -> Fields:
    """The labels that a builder wrote, in the order of the schema."""
    known: dict[str, str | int] = {}
    for attribute in schema:
        name = feature_name(attribute)
        value = record["attributes"][name]
        if not attribute.is_number:
            if value != UNKNOWN:
                known[attribute.name] = features[name].int2str(int(value))
        elif value["low"] != UNKNOWN:
            known[attribute.name] = _number(attribute, int(value["low"]), int(value["high"]))
    return {"attributes": known, "captions": [_text(caption) for caption in record["captions"]]}


def _number(attribute: Attribute, low: int, high: int) -> str | int:
    """A number or the range of it that the schema has: 70..116 -> "70+" where that is one."""
    open_ended = ranges.write(low)
    return open_ended if high == attribute.high and open_ended in attribute.ranges else ranges.write(low, high)
