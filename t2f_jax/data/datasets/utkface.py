"""UTKFace: aligned, cropped faces whose file names contain age, gender and ethnicity."""

import os
import pathlib
import re
from collections.abc import Iterator

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import age_benchmark
from t2f_jax.data.datasets.base import Dataset, packed_files, unnested
from t2f_jax.data.datasets.listed import Face, Listed, split_by_hash
from t2f_jax.errors import UserError
from t2f_jax.tokens.attributes import Attribute

SCHEMA: tuple[Attribute, ...] = (
    Attribute("gender", ("male", "female")),  # in the order of the numbers in file names
    Attribute("ethnicity", ("white", "black", "asian", "indian", "other")),
    Attribute("age", (), 1, 116),
)
# In two published names, the end of the date differs.
_NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_\d+ ?\.?jpg\.chip\.jpg", re.IGNORECASE)
_LAYOUT = "[age]_[gender]_[race]_[date&time].jpg.chip.jpg"


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    folder = pathlib.Path(config.folder)
    if not any(_NAME.fullmatch(entry) for entry in os.listdir(folder)):
        folder = unnested(folder)
    skipped: dict[str, str] = {}
    faces = list(_faces(folder, skipped))
    if not faces:
        packed = packed_files(folder)
        hint = f"{packed[0]} is still packed: unpack it, and " if packed else ""
        raise UserError(
            f"{folder}: no face named {_LAYOUT}; {hint}set data.sources.{name}.folder to the folder that holds them"
        )
    # The benchmark's boxes are for the photographs from which these faces were cropped.
    chosen = age_benchmark.repartition(faces, config, "UTKFace", _labels_and_date, skipped, boxes=False)
    return Listed(name, DATASET, chosen, skipped)


def _faces(folder: pathlib.Path, skipped: dict[str, str]) -> Iterator[Face]:
    """The faces by name; files without labels in their names are put into `skipped`."""
    gender, ethnicity, age = SCHEMA
    for file in sorted(os.listdir(folder)):
        if not file.lower().endswith((".jpg", ".jpeg", ".png")):
            continue
        match = _NAME.fullmatch(file)
        if not match or not age.low <= int(match[1]) <= age.high:
            skipped[file] = f"the name is not {_LAYOUT}"
            continue
        attributes = {
            "gender": gender.values[int(match[2])],
            "ethnicity": ethnicity.values[int(match[3])],
            "age": int(match[1]),
        }
        yield Face(file, folder / file, {"attributes": attributes, "captions": []}, split_by_hash(file))


def _labels_and_date(file: str) -> str:
    """The start of an aligned face's name; the benchmark has the names of the photographs."""
    return re.split(r" ?\.?jpg", file, maxsplit=1, flags=re.IGNORECASE)[0]


DATASET = Dataset(
    kind="utkface",
    title="UTKFace",
    size="over 20,000 faces",
    folder="UTKFace",
    open=_open,
    schema=SCHEMA,
    prompts=("gender : male , age : 75", "gender : female , age : 25", "age : 2"),
    licence="non-commercial research only",
    citation=("Z. Zhang, Y. Song, H. Qi: Age Progression/Regression by Conditional Adversarial Autoencoder, CVPR 2017"),
    obtain=(
        "From https://susanqq.github.io/UTKFace take the aligned and cropped faces; all files named"
        f" {_LAYOUT} lie in one folder."
    ),
    split_rule="a hash of a file's name decides (8 : 1 : 1 on average), so a few dozen faces are needed",
    partitions=age_benchmark.PARTITIONS,
)
