"""APPA-REAL: real ages and apparent ones, guessed from the photo by about forty people.

Two attributes: "age" is the real one, "apparent age" the mean guess, rounded. Its images are those of CLAP2016 (the
ChaLearn LAP challenge), which has only apparent ages; CLAP2016 is not read, so that no test face is trained on.
"""

import math
import pathlib
from collections.abc import Iterator

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import tables
from t2f_jax.data.datasets.base import Dataset, Split
from t2f_jax.data.datasets.listed import Face, Listed, find
from t2f_jax.io.files import read_lines
from t2f_jax.tokens.attributes import Attribute, Fields

SCHEMA = (Attribute("age", (), 0, 110), Attribute("apparent age", (), 0, 110))
_SPLITS: dict[str, Split] = {"train": "train", "valid": "validation", "test": "test"}
_COLUMNS = {"age": "real_age", "apparent age": "apparent_age_avg"}
_IGNORED = "ignore_list.txt"


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    folder = pathlib.Path(config.folder)
    if (folder / "appa-real-release").is_dir():
        folder /= "appa-real-release"
    skipped: dict[str, str] = {}
    return Listed(name, DATASET, _faces(folder, skipped), skipped)


def _faces(folder: pathlib.Path, skipped: dict[str, str]) -> Iterator[Face]:
    ignored = set()
    if (folder / _IGNORED).is_file():
        ignored = {line.strip().removesuffix("_face.jpg") for line in read_lines(folder / _IGNORED, "list of crops")}
    for part, split in _SPLITS.items():
        table = find(folder, DATASET, f"gt_avg_{part}.csv")
        for _, row in tables.read_csv(table, ("file_name", *_COLUMNS.values())):
            id = f"{part}/{row['file_name']}"
            if part == "train" and row["file_name"] in ignored:
                skipped[id] = f"{_IGNORED} names it: its crop shows no face, or another"
                continue
            ages = {name: _years(row[column]) for name, column in _COLUMNS.items()}
            fields: Fields = {
                "attributes": {name: age for name, age in ages.items() if age is not None},
                "captions": [],
            }
            crop = folder / f"{id}_face.jpg"  # appended to the whole name: 000000.jpg_face.jpg
            yield Face(id, crop, fields, split)


def _years(cell: str) -> int | None:
    """A number of years, rounded; None if the cell is no number."""
    try:
        age = math.floor(float(cell) + 0.5)
    except (ValueError, OverflowError):
        return None
    return age if SCHEMA[0].low <= age <= SCHEMA[0].high else None


DATASET = Dataset(
    kind="appa_real",
    title="APPA-REAL",
    folder="appa-real-release",
    open=_open,
    schema=SCHEMA,
    prompts=("age : 70", "age : 30", "apparent age : 25"),
    size="7,591 photographs",
    licence="research only",
    citation=(
        "E. Agustsson, R. Timofte, S. Escalera, X. Baro, I. Guyon, R. Rothe: Apparent and Real Age Estimation in Still"
        " Images with Deep Residual Regressors on APPA-REAL Database, FG 2017"
    ),
    obtain=(
        "From https://chalearnlap.cvc.uab.cat/dataset/26/description/ take appa-real-release.zip. The folder holds"
        " gt_avg_train.csv, gt_avg_valid.csv, gt_avg_test.csv and train/, valid/ and test/ with the photographs and"
        f" their crops (000000.jpg_face.jpg). If {_IGNORED}, a list of training crops without the right face, lies"
        " there, those are left out."
    ),
    split_rule="the files gt_avg_train.csv, gt_avg_valid.csv and gt_avg_test.csv decide",
)
