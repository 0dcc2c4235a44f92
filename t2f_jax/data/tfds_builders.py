"""The datasets as TFDS builders: once this module is imported, `tfds.load("t2f_celeba", ...)` prepares and reads one.

A builder is called t2f_<kind>. It reads the folder in its owners' layout, given as `manual_dir` (or a folder that
contains it under its official name). Its examples have an image, unchanged, an id, captions and attributes: a choice is
a class label, -1 if it is unknown; a number is low..high, equal if it is exact and -1 if it is unknown. If the dataset
may have landmarks, an example has them, [5, 2], see `io.framing`; unknown ones are NaN. A published partition is a
config, such as "t2f_agedb/age-benchmark-0". With a Beam runner or Beam options in its `DownloadConfig`, Apache Beam
reads the images (the `beam` extra).
"""

import functools
import inspect
import io
import sys
from collections.abc import Iterator
from typing import Any, ClassVar, cast

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from PIL import ExifTags, Image

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import registry
from t2f_jax.data.datasets.base import SPLITS, Dataset, FileSource, landmarks
from t2f_jax.data.datasets.prepared import UNKNOWN, feature_name
from t2f_jax.errors import UserError
from t2f_jax.io import images
from t2f_jax.io.framing import POINTS
from t2f_jax.tokens.attributes import Attribute, Fields

_DECODED = ("JPEG", "PNG")  # formats that TensorFlow decodes; others are converted to PNG


class FaceBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A builder of one dataset, `DATASET`."""

    VERSION: tfds.core.Version
    DATASET: ClassVar[Dataset]
    _with_beam = False

    def _info(self) -> tfds.core.DatasetInfo:
        dataset = self.DATASET
        features: dict[str, Any] = {
            "id": tfds.features.Text(),
            "image": tfds.features.Image(),
            "captions": tfds.features.Sequence(tfds.features.Text()),
        }
        if dataset.schema:
            features["attributes"] = {feature_name(each): _feature(each) for each in dataset.schema}
        if dataset.landmarks:
            features["landmarks"] = tfds.features.Tensor(shape=(len(POINTS), 2), dtype=np.float64)
        return tfds.core.DatasetInfo(
            builder=self,
            description=inspect.getdoc(sys.modules[dataset.open.__module__]),
            features=tfds.features.FeaturesDict(features),
            citation=dataset.citation,
            license=dataset.licence,
        )

    def download_and_prepare(self, *, download_config: Any = None, **options: Any) -> None:
        """Prepares the dataset, see `tfds.core.DatasetBuilder`; with Beam if the config has a runner or options."""
        self._with_beam = bool(download_config and (download_config.beam_runner or download_config.beam_options))
        super().download_and_prepare(download_config=download_config, **options)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        folder = dl_manager.manual_dir
        inner = folder / self.DATASET.folder
        partition = self.builder_config.name if self.builder_config else ""
        config = SourceConfig(
            kind=self.DATASET.kind,
            folder=str(inner if inner.is_dir() else folder),
            partition="" if partition == "official" else partition,
        )
        source = _opened(config)
        return {split: self._generate_examples(config, faces) for split in SPLITS if (faces := source.split(split))}

    def _generate_examples(self, config: SourceConfig, faces: list[int]) -> Any:
        if self._with_beam:
            beam = tfds.core.lazy_imports.apache_beam
            return beam.Create(faces) | beam.FlatMap(functools.partial(_examples, config))
        return (example for i in faces for example in _examples(config, i))


@functools.lru_cache(maxsize=2)
def _opened(config: SourceConfig) -> FileSource:
    """Opens a source; each process of Beam opens it once."""
    return cast(FileSource, registry.open_source(config, config.kind))


def _examples(config: SourceConfig, i: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The example of face i with its key; none, with a warning, if its image cannot be read."""
    source = _opened(config)
    try:
        image = _encoded(source.original(i), source.id(i))
    except UserError as error:
        logging.warning("left out: %s", error)
        return
    fields = source.fields(i)
    example = {"id": source.id(i), "image": image, "captions": fields["captions"]}
    if schema := source.dataset.schema:
        example["attributes"] = {feature_name(each): _value(each, fields) for each in schema}
    if source.dataset.landmarks:
        points = landmarks(source, i)
        example["landmarks"] = np.full((len(POINTS), 2), np.nan) if points is None else points.astype(np.float64)
    yield source.id(i), example


def _encoded(data: bytes, name: str) -> bytes:
    """The file itself if TensorFlow decodes it as Pillow does, otherwise a PNG. Raises UserError if it is broken."""
    picture = images.open_image(io.BytesIO(data), name)
    with Image.open(io.BytesIO(data)) as image:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
        if image.format in _DECODED and image.mode == "RGB" and not turned:
            return data
    png = io.BytesIO()
    picture.save(png, "PNG")
    return png.getvalue()


def _feature(attribute: Attribute) -> Any:
    if attribute.is_number:
        return {"low": tfds.features.Scalar(np.int64), "high": tfds.features.Scalar(np.int64)}
    return tfds.features.ClassLabel(names=attribute.values)


def _value(attribute: Attribute, fields: Fields) -> Any:
    value = fields["attributes"].get(attribute.name)
    if not attribute.is_number:
        return UNKNOWN if value is None else str(value)
    if value is None:
        return {"low": UNKNOWN, "high": UNKNOWN}
    numbers = attribute.numbers(value)
    return {"low": numbers[0], "high": numbers[-1]}


def _builder(kind: str, dataset: Dataset) -> type[FaceBuilder]:
    """Makes the class of a dataset's builder, which also registers it."""
    configs = [tfds.core.BuilderConfig(name=name) for name in ("official", *dataset.partitions)]
    values = {
        "__module__": __name__,
        "__doc__": f"{dataset.title}, see `t2f data list {kind}`.",
        "name": f"t2f_{kind}",
        "DATASET": dataset,
        "VERSION": tfds.core.Version("1.1.0" if dataset.landmarks else "1.0.0"),  # 1.0.0 had none
        "MANUAL_DOWNLOAD_INSTRUCTIONS": dataset.obtain,
        "BUILDER_CONFIGS": configs if dataset.partitions else [],
    }
    return type(f"T2f{kind.title().replace('_', '')}", (FaceBuilder,), values)


BUILDERS = {
    f"t2f_{kind}": _builder(kind, dataset) for kind in registry.MODULES if (dataset := registry.find(kind)).folder
}
