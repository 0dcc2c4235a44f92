"""IMDB-WIKI: faces of actors from IMDb and of people from Wikipedia, with ages from birth date and the photo's year.

They were not checked: some crops show no face or another person, and ages from -31 to 2014 occur. Images without a
face, with a second one, or with an age outside 0..100 are left out. Names of people are not read.
"""

import datetime
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import imdb_clean, tables
from t2f_jax.data.datasets.base import Dataset, Split
from t2f_jax.data.datasets.listed import Face, Listed, find, split_by_hash
from t2f_jax.errors import UserError
from t2f_jax.tokens.attributes import Attribute, Fields

SCHEMA = (Attribute("gender", ("female", "male")), Attribute("age", (), 0, 100))  # genders in the order of codes 0, 1
_PARTS = ("imdb", "wiki")
_FIELDS = ("dob", "photo_taken", "full_path", "gender", "face_score", "second_face_score")
_LEAST_SCORE = 1.0  # of the face detector; below it there is often no face


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    folder = pathlib.Path(config.folder)
    tables_here = [folder / f"{part}_crop/{part}.mat" for part in _PARTS]
    if not any(table.exists() for table in tables_here):
        find(folder, DATASET, *(f"{part}_crop/{part}.mat" for part in _PARTS))
    skipped: dict[str, str] = {}
    held_out = _of_imdb_clean(folder)
    faces = (face for table in tables_here if table.exists() for face in _faces(table, held_out, skipped))
    return Listed(name, DATASET, faces, skipped)


def _faces(table: pathlib.Path, held_out: dict[str, Split], skipped: dict[str, str]) -> Iterator[Face]:
    meta = _read_meta(table)
    for path, birth, year, gender, score, second in zip(
        *(meta[k] for k in ("full_path", "dob", "photo_taken", "gender", "face_score", "second_face_score"))
    ):
        file = str(np.ravel(path)[0])
        id = f"{table.parent.name}/{file}"
        age = _age(float(birth), int(year))
        if why := _unusable(age, float(score), float(second)):
            skipped[id] = why
            continue
        attributes: dict[str, str | int] = {"age": age}
        if float(gender) in (0.0, 1.0):  # NaN: unknown
            attributes["gender"] = SCHEMA[0].values[int(gender)]
        fields: Fields = {"attributes": attributes, "captions": []}
        person = imdb_clean.person(file) or pathlib.PurePath(file).name.split("_")[0]
        yield Face(id, table.parent / file, fields, held_out.get(person) or split_by_hash(person))


def _read_meta(table: pathlib.Path) -> dict[str, Any]:
    """{field: array [N]} of a .mat file."""
    from scipy import io

    try:
        record = io.loadmat(table, variable_names=[table.stem])[table.stem][0, 0]
        return {field: np.ravel(record[field]) for field in _FIELDS}
    except Exception as error:  # scipy raises many kinds for a cut or damaged file
        raise UserError(
            f"{table}: no readable table of faces with {', '.join(_FIELDS)} ({type(error).__name__}: {error}); unpack"
            " it again, and take the archive again if that does not help"
        ) from error


def _age(birth: float, year: int) -> int:
    """Completed years in the middle of the photo's year; `birth` is a MATLAB day number."""
    born = datetime.date.fromordinal(min(max(int(birth) - 366, 1), datetime.date.max.toordinal()))
    return year - born.year - (born.month >= 7)


def _unusable(age: int, score: float, second: float) -> str:
    if not score >= _LEAST_SCORE:  # -inf or inf: no face
        return f"the detector's score of the face is {score}; at least {_LEAST_SCORE} is read"
    if not np.isfinite(score):
        return "the detector found no face"
    if not np.isnan(second):
        return "the detector found a second face"
    return "" if SCHEMA[1].low <= age <= SCHEMA[1].high else f"its dates give an age of {age}"


def _of_imdb_clean(folder: pathlib.Path) -> dict[str, Split]:
    """{person: split} of the people whom IMDB-clean holds out, if its tables are in csvs/."""
    people: dict[str, Split] = {}
    parts: dict[str, Split] = {"valid": "validation", "test": "test"}
    for part, split in parts.items():
        table = folder / "csvs" / f"imdb_{part}_new_1024.csv"
        if table.exists():
            people |= {imdb_clean.person(row["filename"]): split for _, row in tables.read_csv(table, ("filename",))}
    return people


DATASET = Dataset(
    kind="imdb_wiki",
    title="IMDB-WIKI",
    folder="IMDB-WIKI",
    open=_open,
    schema=SCHEMA,
    prompts=("gender : male , age : 60", "gender : female , age : 30", "age : 45"),
    size="523,051 photographs of 20,000 people and more",
    licence="academic research only",
    citation=(
        "R. Rothe, R. Timofte, L. Van Gool: Deep Expectation of Real and Apparent Age from a Single Image without"
        " Facial Landmarks, IJCV 2018"
    ),
    obtain=(
        "From https://data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki/ take imdb_crop.tar, wiki_crop.tar, or both, and"
        " unpack them; the folder then holds imdb_crop/imdb.mat and wiki_crop/wiki.mat beside the faces. If csvs/ with"
        " IMDB-clean's tables lies there, too, the people whom it holds out are held out here."
    ),
    split_rule="a hash of the person decides (8 : 1 : 1 on average), so nobody is in two splits",
)
