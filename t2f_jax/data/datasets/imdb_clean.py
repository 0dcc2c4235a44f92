"""IMDB-clean: the IMDb faces of IMDB-WIKI, each matched to its person again, with age and gender.

Its images are those of IMDB-WIKI. People in its test split are in no other split; training and validation share people.
"""

import pathlib
import re
from collections.abc import Iterator

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import tables
from t2f_jax.data.datasets.base import Box, Dataset, Split
from t2f_jax.data.datasets.listed import MARGIN, Face, Listed, find, widened
from t2f_jax.errors import UserError
from t2f_jax.tokens.attributes import Attribute, Fields

SCHEMA = (Attribute("gender", ("female", "male")), Attribute("age", (), 0, 110))
_SPLITS: dict[str, Split] = {"train": "train", "valid": "validation", "test": "test"}
_GENDER = {"M": "male", "F": "female"}
_SIDES = ("x_min", "y_min", "x_max", "y_max")
_COLUMNS = ("filename", "age", "gender", *_SIDES)


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    folder = pathlib.Path(config.folder)
    images = find(folder, DATASET, "imdb-clean-1024", "data/imdb-clean-1024")
    skipped: dict[str, str] = {}
    return Listed(name, DATASET, _faces(folder, images, skipped), skipped)


def _faces(folder: pathlib.Path, images: pathlib.Path, skipped: dict[str, str]) -> Iterator[Face]:
    """The faces, by file name: the script that makes the crops writes its tables in arbitrary order."""
    for part, split in _SPLITS.items():
        file = f"imdb_{part}_new_1024.csv"
        at = images.relative_to(folder)
        table = find(folder, DATASET, f"csvs/{file}", file, f"{at}/{file}", f"{at.parent}/{file}")
        for line, row in sorted(tables.read_csv(table, _COLUMNS), key=lambda each: each[1]["filename"]):
            id, gender = row["filename"], _GENDER.get(row["gender"])
            age = int(row["age"]) if row["age"].isdecimal() else -1
            if not SCHEMA[1].low <= age <= SCHEMA[1].high:
                skipped[id] = f"{table.name}, line {line}: the age is '{row['age']}'"
                continue
            attributes: dict[str, str | int] = ({"gender": gender} if gender else {}) | {"age": age}
            fields: Fields = {"attributes": attributes, "captions": []}
            yield Face(id, images / id, fields, split, _box(row, f"{table}, line {line}"))


def _box(row: dict[str, str], where: str) -> Box:
    try:
        left, top, right, bottom = (float(row[side]) for side in _SIDES)
    except ValueError:
        raise UserError(f"{where}: {', '.join(_SIDES)} should be the sides of the face's box, in pixels") from None
    return widened((left, top, right, bottom), MARGIN)


def person(name: str) -> str:
    """The person in a file name of IMDb, "nm9990000"; "" if there is none."""
    match = re.match(r"nm\d+", pathlib.PurePath(name).name)
    return match[0] if match else ""


DATASET = Dataset(
    kind="imdb_clean",
    title="IMDB-clean",
    folder="IMDB-clean",
    open=_open,
    schema=SCHEMA,
    prompts=("gender : male , age : 60", "gender : female , age : 30", "age : 45"),
    size="286,000 photographs",
    licence="labels MIT; images for academic research only, as those of IMDB-WIKI",
    citation="Y. Lin, J. Shen, Y. Wang, M. Pantic: FP-Age: Leveraging Face Parsing Attention, arXiv 2106.11145, 2021",
    obtain=(
        "Clone https://github.com/yiminglin-ai/imdb-clean and run its script, which fetches imdb_0.tar to imdb_9.tar"
        " and writes data/imdb-clean-1024/. The folder holds that (or imdb-clean-1024/ itself) and csvs/ with"
        " imdb_train_new_1024.csv, imdb_valid_new_1024.csv and imdb_test_new_1024.csv."
    ),
    split_rule="imdb_train_new_1024.csv, imdb_valid_new_1024.csv and imdb_test_new_1024.csv decide",
)
