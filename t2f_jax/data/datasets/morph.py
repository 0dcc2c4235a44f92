"""MORPH II (Album 2): police photographs with age, gender and ethnicity; people occur several times.

Its columns `glasses` and `facial_hair` are not read: the meaning of their codes is not published.
"""

import pathlib
from collections.abc import Iterator

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import age_benchmark, tables
from t2f_jax.data.datasets.base import Dataset
from t2f_jax.data.datasets.listed import Face, Listed, find, split_by_hash
from t2f_jax.tokens.attributes import Attribute, Fields

SCHEMA = (
    Attribute("gender", ("female", "male")),
    Attribute("ethnicity", ("white", "black", "asian", "latino", "other")),
    Attribute("age", (), 10, 100),
)
_GENDER = {"M": "male", "F": "female"}
_ETHNICITY = dict(zip("WBAHO", SCHEMA[1].values))
_TABLE = "morph_2008_nonCommercial.csv"


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    skipped: dict[str, str] = {}
    faces = age_benchmark.repartition(_faces(pathlib.Path(config.folder), skipped), config, "MORPH", _file, skipped)
    return Listed(name, DATASET, faces, skipped)


def _faces(folder: pathlib.Path, skipped: dict[str, str]) -> Iterator[Face]:
    table = find(folder, DATASET, _TABLE, f"MORPH_nonCommercial/{_TABLE}")
    age = SCHEMA[2]
    for line, row in tables.read_csv(table, ("id_num", "race", "gender", "age", "photo"), broken=skipped):
        attributes: dict[str, str | int] = {}
        if gender := _GENDER.get(row["gender"].upper()):
            attributes["gender"] = gender
        if ethnicity := _ETHNICITY.get(row["race"].upper()):
            attributes["ethnicity"] = ethnicity
        if not row["age"].isdecimal() or not age.low <= int(row["age"]) <= age.high:
            skipped[row["photo"]] = f"{table.name}, line {line}: the age is '{row['age']}'"
            continue
        attributes["age"] = int(row["age"])
        fields: Fields = {"attributes": attributes, "captions": []}
        path = table.parent / row["photo"].replace("\\", "/")
        yield Face(row["photo"], path, fields, split_by_hash(row["id_num"].lstrip("0")))


def _file(photo: str) -> str:
    """The file's name, without the folders before it."""
    return pathlib.PurePath(photo).name


DATASET = Dataset(
    kind="morph",
    title="MORPH II",
    folder="MORPH",
    open=_open,
    schema=SCHEMA,
    prompts=("gender : male , age : 45", "gender : female , age : 25", "ethnicity : black , age : 35"),
    partitions=age_benchmark.PARTITIONS,
    size="55,000 photographs of 13,600 people",
    licence="a signed licence of the University of North Carolina Wilmington; research only",
    citation=("K. Ricanek, T. Tesafaye: MORPH: A Longitudinal Image Database of Normal Adult Age-Progression, FG 2006"),
    obtain=(
        "Order the non-commercial edition of MORPH II (Album 2) from https://uncw.edu/research/morph. The folder holds"
        f" {_TABLE} (it may lie in MORPH_nonCommercial/) and, beside it, Album2/ with the photographs."
    ),
    split_rule="a hash of the person's number decides (8 : 1 : 1 on average), so nobody is in two splits",
)
