"""Face2Text 2: CelebA's faces with one to five descriptions each, written by people.

Face2Text/
    clean_train_2.1.json, clean_dev_2.1.json, clean_test_2.1.json    lists of {"filename": "000777.jpg", "description"}
    raw_2.1.json                                                     the same before cleaning; read if those are absent
CelebA/, beside it or in $T2F_DATA, with images, labels and partition (see `celeba`)

The splits are CelebA's, not the dataset's own, whose training texts also describe CelebA's test faces. The descriptions
contain guesses about character, and names. Version 0.1, which is about images of LFW, is refused.
"""

import pathlib
from typing import Any

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import celeba, celeba_files
from t2f_jax.data.datasets.base import SPLITS, Dataset, Split
from t2f_jax.data.datasets.celeba_files import SCHEMA
from t2f_jax.data.datasets.listed import Face, Listed, find
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_json


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    folder = pathlib.Path(config.folder)
    texts = sorted(folder.glob("clean_*.json")) or sorted(folder.glob("raw*.json"))
    texts = texts or [find(folder, DATASET, "clean_train_2.1.json", "raw_2.1.json")]
    described: dict[str, list[str]] = {}
    for path in texts:
        for image, text in _read(path):
            if text and text not in described.setdefault(image, []):
                described[image].append(text)
    faces = celeba.CelebA(name, _find_celeba(config))
    index = {_stem(faces.id(i)): i for split in SPLITS for i in faces.split(split)}
    splits: dict[int, Split] = {i: split for split in SPLITS for i in faces.split(split)}
    skipped = {image: "no image of CelebA has this name" for image in described if _stem(image) not in index}
    captions = {index[_stem(image)]: texts for image, texts in described.items() if image not in skipped}
    rows = [
        Face(
            faces.id(i),
            faces.path(i),
            {"attributes": faces.fields(i)["attributes"], "captions": captions[i]},
            splits[i],
        )
        for i in sorted(captions)
    ]
    return Listed(name, DATASET, rows, skipped)


def _stem(image: str) -> str:
    return pathlib.PurePath(image).stem


def _find_celeba(config: SourceConfig) -> pathlib.Path:
    places = celeba_files.folders(config)
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise UserError(
            f"{config.folder}: CelebA's images are not at {' or '.join(map(str, places))}. {DATASET.obtain}"
        )
    return found


def _read(path: pathlib.Path) -> list[tuple[str, str]]:
    """-> (image, description) of each text."""
    records: Any = read_json(path, "list of descriptions")
    if not isinstance(records, list):
        raise UserError(f"{path}: this should be a list of descriptions")
    found = []
    for number, record in enumerate(records):
        image, text = (record.get(key) for key in ("filename", "description")) if isinstance(record, dict) else (0, 0)
        if not isinstance(image, str) or not isinstance(text, str):
            hint = " (is this version 0.1, which is about images of LFW?)" if "img_id" in str(record)[:200] else ""
            raise UserError(f"{path}, record {number}: no 'filename' and 'description' that are texts{hint}")
        found.append((image, " ".join(text.split())))
    return found


DATASET = Dataset(
    kind="face2text",
    title="Face2Text",
    folder="Face2Text",
    open=_open,
    of_celeba=True,
    schema=SCHEMA,
    prompts=("An elderly man with grey hair and a kind smile.", "gender : female , blond hair"),
    size="12,227 faces",
    captions="1 to 5 a face, 18,690 together, written by hand",
    licence="not stated for the descriptions; the images as CelebA, non-commercial research only",
    citation=(
        "M. Tanti, S. Abdilla, A. Muscat, C. Borg, R. Farrugia, A. Gatt: Face2Text revisited: Improved data set and"
        " baseline results, PVLAM 2022"
    ),
    obtain=(
        "Descriptions: version 2.1 of https://doi.org/10.5281/zenodo.6569853; the folder holds clean_train_2.1.json,"
        " clean_dev_2.1.json and clean_test_2.1.json, or raw_2.1.json. Images and labels: CelebA, as CelebA/ beside"
        " this folder or in $T2F_DATA, or where data.sources.<name>.celeba says."
    ),
    split_rule="CelebA's partition decides",
)
