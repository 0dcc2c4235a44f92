"""A dataset prepared by TFDS (`data.tfds_builders`), read instead of the folder in its owners' layout.

In this way Apache Beam can collect millions of images on many machines, which are then read by position from a few
large files. Their format must allow this: `--file_format=array_record`.
"""

import io
import pathlib
from typing import Any, cast

import numpy as np

from t2f_jax.data.datasets.base import SPLITS, Dataset, Split
from t2f_jax.data.datasets.prepared_index import Index
from t2f_jax.errors import UserError
from t2f_jax.io import images
from t2f_jax.io.framing import WHOLE, Framing
from t2f_jax.tokens import ranges
from t2f_jax.tokens.attributes import Attribute, Fields

INFO = "dataset_info.json"  # in a folder that TFDS has prepared
UNKNOWN = -1  # what a builder writes for an unknown label


def feature_name(attribute: Attribute) -> str:
    """An attribute's name in a builder's features: "hair color" -> "hair_color"."""
    return attribute.name.replace(" ", "_")


def find(folder: pathlib.Path, kind: str, partition: str) -> pathlib.Path | None:
    """The newest version of a dataset that TFDS has prepared in `folder`, its data_dir; None if there is none.

    Raises:
      UserError: there is one, but with another partition.
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


class Prepared:
    """A `base.Source` for a dataset prepared by TFDS, in the order of the faces' names.

    The first opening on a machine parses every example once, see `prepared_index`; later ones parse none.

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
            self._labels: Any = builder.info.features["attributes"]
        except NotImplementedError as error:
            raise UserError(
                f"{folder}: its files cannot be read by position; prepare it with `tfds build"
                " --file_format=array_record`"
            ) from error
        except Exception as error:  # TFDS raises many kinds for files that are cut or missing
            raise UserError(f"{folder}: TFDS cannot read what it has prepared here ({error})") from error
        counts: dict[Split, int] = {split: len(data) for split, data in self._data.items()}
        self._index = Index(folder, counts, self._read)

    def _read(self, split: Split, row: int) -> dict[str, Any]:
        """The record of an example in the index."""
        example = self._data[split][row]
        fields = _fields(example, self._labels, self.schema)
        about = {"id": _text(example["id"]), "row": row, "size": len(example["image"]), "fields": fields}
        points = example.get("landmarks")
        return about if points is None or np.isnan(points).any() else {**about, "landmarks": points.tolist()}

    def split(self, split: Split) -> list[int]:
        """Indices of a split, ascending."""
        return self._index.splits[split]

    def id(self, i: int) -> str:
        """The name of face i, as in the dataset's own source."""
        return self._index.faces[i]["id"]

    def signature(self, i: int) -> str:
        """Its file's name and size in bytes, as in the dataset's own source."""
        face = self._index.faces[i]
        return f"{pathlib.PurePosixPath(face['id']).name} {face['size']}"

    def fields(self, i: int) -> Fields:
        """Labels and captions of face i."""
        return self._index.faces[i]["fields"]

    def image(self, i: int, size: int, framing: Framing = WHOLE) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        landmarks = self.landmarks(i) if framing.resize == "landmarks" else None
        return images.read_image(io.BytesIO(self.original(i)), size, framing, landmarks, self.id(i))

    def landmarks(self, i: int) -> np.ndarray | None:
        """Landmarks of face i, float [5, 2], see `framing`; None if the builder had none."""
        points = self._index.faces[i].get("landmarks")
        return points and np.array(points, np.float64)

    def original(self, i: int) -> bytes:
        """The image file of face i."""
        return self._data[self._index.split_of(i)][self._index.faces[i]["row"]]["image"]


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
    """A number, or its range in the schema: 70..116 -> "70+" if that is one."""
    open_ended = ranges.write(low)
    return open_ended if high == attribute.high and open_ended in attribute.ranges else ranges.write(low, high)
