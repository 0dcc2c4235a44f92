"""FairFace: faces balanced over seven groups of ethnicity, with gender and one of nine ranges of age.

The groups get the names that all datasets share: East and Southeast Asian are "asian" here.
"""

import pathlib
from collections.abc import Iterator

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data import names
from t2f_jax.data.datasets import tables
from t2f_jax.data.datasets.base import Dataset
from t2f_jax.data.datasets.listed import Face, Listed, find, validation_by_hash
from t2f_jax.errors import UserError
from t2f_jax.tokens import ranges
from t2f_jax.tokens.attributes import Attribute, Fields

_RANGES = ((0, 2), (3, 9), (10, 19), (20, 29), (30, 39), (40, 49), (50, 59), (60, 69))
_AGES = {f"{low}-{high}": str(ranges.write(low, high)) for low, high in _RANGES}
_AGES |= dict.fromkeys(("more than 70", "70+"), str(ranges.write(70)))
SCHEMA = (names.GENDER, names.ETHNICITY, Attribute("age", (), 0, 99, tuple(dict.fromkeys(_AGES.values()))))
_ETHNICITIES = {
    "White": "white",
    "Black": "black",
    "East Asian": "asian",
    "Southeast Asian": "asian",
    "Indian": "indian",
    "Latino_Hispanic": "latino",
    "Middle Eastern": "middle eastern",
}
_IMAGES = ("fairface-img-margin025-trainval", "fairface-img-margin125-trainval")


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    return Listed(name, DATASET, _faces(pathlib.Path(config.folder)))


def _faces(folder: pathlib.Path) -> Iterator[Face]:
    images = find(folder, DATASET, *_IMAGES, "train").parent
    images = next((folder / place for place in _IMAGES if (folder / place).is_dir()), images)
    for part in ("train", "val"):
        table = find(folder, DATASET, f"fairface_label_{part}.csv")
        for line, row in tables.read_csv(table, ("file", "age", "gender", "race")):
            id, gender = row["file"], names.gender(row["gender"])
            if row["age"] not in _AGES:
                raise UserError(
                    f"{table}, line {line}: age '{row['age']}' should be one of {', '.join(_AGES)}; spreadsheets turn"
                    " these into dates: use the file as published"
                )
            attributes: dict[str, str | int] = {"gender": gender} if gender else {}
            if ethnicity := _ETHNICITIES.get(row["race"]):
                attributes["ethnicity"] = ethnicity
            fields: Fields = {"attributes": attributes | {"age": _AGES[row["age"]]}, "captions": []}
            yield Face(id, images / id, fields, validation_by_hash(id) if part == "train" else "test")


DATASET = Dataset(
    kind="fairface",
    title="FairFace",
    folder="FairFace",
    open=_open,
    schema=SCHEMA,
    prompts=("gender : male , ethnicity : indian", "gender : female , ethnicity : latino", "ethnicity : black"),
    size="97,698 faces",
    licence="CC BY 4.0",
    citation="K. Karkkainen, J. Joo: FairFace: Face Attribute Dataset for Balanced Race, Gender, and Age, WACV 2021",
    obtain=(
        "From https://github.com/joojs/fairface take the images (padding 0.25 or 1.25) and the labels. The folder holds"
        " fairface-img-margin025-trainval/ with train/ and val/ (or these two themselves), fairface_label_train.csv and"
        " fairface_label_val.csv."
    ),
    split_rule=(
        "the published validation set is the test (the real one is unpublished); of training, one face in twenty is"
        " validation, by a hash of its file's name"
    ),
)
