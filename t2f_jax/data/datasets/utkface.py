"""UTKFace: aligned, cropped faces whose file names hold age, gender and ethnicity."""

import os
import pathlib
import re

import numpy as np

from t2f_jax.data.datasets.base import Dataset, Split, file_signature, packed_files, read_face, unnested
from t2f_jax.data.datasets.listed import split_by_hash
from t2f_jax.errors import UserError
from t2f_jax.tokens.attributes import Attribute, Fields

SCHEMA: tuple[Attribute, ...] = (
    Attribute("gender", ("male", "female")),  # in the order of the file names' numbers
    Attribute("ethnicity", ("white", "black", "asian", "indian", "other")),
    Attribute("age", (), 1, 116),
)
# Two published names differ in the date's end.
_NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_\d+ ?\.?jpg\.chip\.jpg", re.IGNORECASE)
_LAYOUT = "[age]_[gender]_[race]_[date&time].jpg.chip.jpg"


DATASET = Dataset(
    kind="utkface",
    title="UTKFace",
    size="over 20,000 faces",
    folder="UTKFace",
    open=lambda name, config, seed: UTKFace(name, pathlib.Path(config.folder)),
    schema=SCHEMA,
    prompts=("gender : male , age : 75", "gender : female , age : 25", "age : 2"),
    licence="non-commercial research only",
    citation=("Z. Zhang, Y. Song, H. Qi: Age Progression/Regression by Conditional Adversarial Autoencoder, CVPR 2017"),
    obtain=(
        "From https://susanqq.github.io/UTKFace take the aligned and cropped faces; all files named"
        f" {_LAYOUT} lie in one folder."
    ),
    split_rule="a hash of a file's name decides (8 : 1 : 1 on average), so a few dozen faces are needed",
)


class UTKFace:
    """A `base.Source` over a folder of faces. Files whose names hold no labels are listed in `skipped`.

    Raises:
      UserError: not one file of the folder is named as UTKFace names its faces.
    """

    dataset = DATASET
    schema = SCHEMA

    def __init__(self, name: str, folder: pathlib.Path):
        self.name = name
        self.skipped: list[dict[str, str]] = []
        if not any(_NAME.fullmatch(entry.name) for entry in os.scandir(folder)):
            folder = unnested(folder)
        self._folder = folder
        self._names: list[str] = []
        self._labels: list[tuple[int, int, int]] = []  # age, gender, race
        age = SCHEMA[2]
        for file in sorted(entry.name for entry in os.scandir(folder)):
            if not file.lower().endswith((".jpg", ".jpeg", ".png")):
                continue
            match = _NAME.fullmatch(file)
            if match and age.low <= int(match[1]) <= age.high:
                self._names.append(file)
                self._labels.append((int(match[1]), int(match[2]), int(match[3])))
            else:
                self.skipped.append({"id": file, "why": f"the name is not {_LAYOUT}"})
        if not self._names:
            packed = packed_files(folder)
            hint = f"{packed[0]} is still packed: unpack it, and" if packed else ""
            raise UserError(
                f"{folder}: no face named {_LAYOUT}; {hint}{hint and ' '}set data.sources.{name}.folder to the folder"
                " that holds them"
            )
        self._splits: dict[Split, list[int]] = {"train": [], "validation": [], "test": []}
        for i, file in enumerate(self._names):
            self._splits[split_by_hash(file)].append(i)

    def split(self, split: Split) -> list[int]:
        """Indices of a split, ascending."""
        return self._splits[split]

    def id(self, i: int) -> str:
        """File name of face i."""
        return self._names[i]

    def signature(self, i: int) -> str:
        """File name and size in bytes."""
        return file_signature(self._folder / self._names[i])

    def fields(self, i: int) -> Fields:
        """Labels of face i; it has no captions."""
        age, gender, race = self._labels[i]
        attributes = {
            "gender": SCHEMA[0].values[gender],
            "ethnicity": SCHEMA[1].values[race],
            "age": age,
        }
        return {"attributes": attributes, "captions": []}

    def image(self, i: int, size: int, crop: float) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        return read_face(self._folder / self._names[i], size, crop)
