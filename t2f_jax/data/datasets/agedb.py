"""AgeDB: faces in the wild with manually collected ages; file names contain person, age and gender."""

import os
import pathlib
import re
from collections.abc import Iterator

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import age_benchmark
from t2f_jax.data.datasets.base import Dataset, unnested
from t2f_jax.data.datasets.listed import ENDINGS, Face, Listed, split_by_hash
from t2f_jax.tokens.attributes import Attribute, Fields

SCHEMA = (Attribute("gender", ("female", "male")), Attribute("age", (), 1, 101))
_NAME = re.compile(r"(\d+)_(.+)_(\d{1,3})_([mf])\.\w+", re.IGNORECASE)
_GENDER = {"m": "male", "f": "female"}


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    folder = unnested(pathlib.Path(config.folder))
    skipped: dict[str, str] = {}
    faces = age_benchmark.repartition(_faces(folder, skipped), config, "AgeDB", _number, skipped)
    return Listed(name, DATASET, faces, skipped)


def _faces(folder: pathlib.Path, skipped: dict[str, str]) -> Iterator[Face]:
    """The faces in the order of their numbers."""
    names = [name for name in os.listdir(folder) if name.lower().endswith(ENDINGS)]
    for file in sorted(names, key=lambda name: (len(_number(name)), name)):
        match = _NAME.fullmatch(file)
        if match and SCHEMA[1].low <= int(match[3]) <= SCHEMA[1].high:
            attributes = {"gender": _GENDER[match[4].lower()], "age": int(match[3])}
            fields: Fields = {"attributes": attributes, "captions": []}
            yield Face(file, folder / file, fields, split_by_hash(_person(match[2])))
        else:
            skipped[file] = "the name is not <number>_<Name>_<age>_<m|f>.jpg"


def _number(file: str) -> str:
    """The number at the start of a file's name, the only part that no unpacking tool changes."""
    return re.split(r"\D", pathlib.PurePath(file).name, maxsplit=1)[0]


def _person(name: str) -> str:
    """A name without the letters that depend on the tool that unpacks the archive."""
    return re.sub(r"#U[0-9a-f]{4}|[^A-Za-z]", "", name)


DATASET = Dataset(
    kind="agedb",
    title="AgeDB",
    folder="AgeDB",
    open=_open,
    schema=SCHEMA,
    prompts=("gender : male , age : 70", "gender : female , age : 30", "age : 50"),
    partitions=age_benchmark.PARTITIONS,
    size="16,488 photographs of 568 people",
    licence="non-commercial research only",
    citation=(
        "S. Moschoglou, A. Papaioannou, C. Sagonas, J. Deng, I. Kotsia, S. Zafeiriou: AgeDB: The First Manually"
        " Collected, In-the-Wild Age Database, CVPRW 2017"
    ),
    obtain=(
        "Ask the authors for the password by e-mail (https://ibug.doc.ic.ac.uk/resources/agedb/) and unpack AgeDB.zip;"
        " all files named <number>_<Name>_<age>_<m|f>.jpg lie in one folder."
    ),
    split_rule="a hash of the person's name decides (8 : 1 : 1 on average), so nobody is in two splits",
)
