"""CelebA-Dialog, the part on CelebA-HQ: captions, and five attributes in grades from 0 to 5.

CelebA-Dialog/
    image/0.jpg .. 29999.jpg                               otherwise those of CelebAMask-HQ/ beside it
    text/captions_hq.json                                  {"7.jpg": {"overall_caption": ..., ...}}
    classification_label/combined_annotation_hq.txt        name and grades, between tabs
    classification_label/CelebAMask-HQ-attribute-anno.txt  CelebA's 40 attributes
    CelebA-HQ-to-CelebA-mapping.txt

Grades are separate attributes ("beard grade", 0 none to 5 very bushy), and also give yes or no for CelebA's attributes.
The names of two columns mean the opposite: No_Beard grows with the beard, Young with the age (0 a child, 5 in the
eighties). So each column is compared with CelebA's bits, and a file with reversed grades is refused. If a grade and a
bit disagree about a face, the attribute is unknown. The splits are CelebA's. Requests for edits are not read.
"""

import pathlib
from typing import Any

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets.base import Dataset
from t2f_jax.data.datasets.celeba_files import SCHEMA as BITS
from t2f_jax.data.datasets.celeba_hq_files import HQ, IMAGES, LABELS, HQFiles
from t2f_jax.data.datasets.listed import Face, Listed, find
from t2f_jax.data.datasets.tables import read_csv
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_json
from t2f_jax.tokens.attributes import Attribute

# Column -> the grade's name here; the attribute that it decides, its values for grades below `border` and from it on.
_GRADES: dict[str, tuple[str, str, str, str, int]] = {
    "Bangs": ("bangs grade", "bangs", "no", "yes", 1),
    "Eyeglasses": ("eyeglasses grade", "eyeglasses", "no", "yes", 1),
    "No_Beard": ("beard grade", "no beard", "yes", "no", 1),
    "Smiling": ("smile grade", "smiling", "no", "yes", 1),
    "Young": ("age grade", "young", "yes", "no", 3),
}
_SUNGLASSES = 4  # grades of eyeglasses from here on mean sunglasses
_LOWEST, _HIGHEST = 0, 5
SCHEMA = (
    *BITS,
    Attribute("sunglasses", ("no", "yes")),
    *(Attribute(grade, (), _LOWEST, _HIGHEST) for grade, *_ in _GRADES.values()),
)


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    folder = pathlib.Path(config.folder)
    captions_file = find(folder, DATASET, "text/captions_hq.json", "captions_hq.json")
    table = "combined_annotation_hq.txt"
    grades_file = find(folder, DATASET, f"classification_label/{table}", table)
    files = HQFiles(config, DATASET, ("image", IMAGES), (f"classification_label/{LABELS}", LABELS))
    captions, grades = _read_captions(captions_file), _read_grades(grades_file)
    _check_sense(grades_file, grades, files)
    skipped: dict[str, str] = {}
    faces = []
    for number in files.numbers():
        id = f"{number}.jpg"
        if id in captions and id in grades:
            attributes = _attributes(files.attributes(number), grades[id])
            said = [captions[id]] if captions[id] else []
            faces.append(
                Face(id, files.image(number), {"attributes": attributes, "captions": said}, files.split(number))
            )
        else:
            skipped[id] = f"{(captions_file if id in grades else grades_file).name} does not name it"
    return Listed(name, DATASET, faces, skipped)


def _read_captions(path: pathlib.Path) -> dict[str, str]:
    """-> {image: its overall caption}, which includes the captions of single attributes."""
    records: Any = read_json(path, "file of captions")
    if not isinstance(records, dict):
        raise UserError(f"{path}: this should be an object of images, such as {{'7.jpg': ...}}")
    captions = {}
    for image, record in records.items():
        text = record.get("overall_caption") if isinstance(record, dict) else 0
        if not isinstance(text, str | None):
            raise UserError(f"{path}, '{image}': 'overall_caption' should be a text")
        captions[image] = " ".join((text or "").split())
    return captions


def _read_grades(path: pathlib.Path) -> dict[str, dict[str, int]]:
    """-> {image: {column: grade}}."""
    grades: dict[str, dict[str, int]] = {}
    for line, row in read_csv(path, tuple(_GRADES), "\t"):
        image = next(iter(row.values()))
        for column in _GRADES:
            if row[column] not in {str(n) for n in range(_LOWEST, _HIGHEST + 1)}:
                raise UserError(f"{path}, line {line}: {column} must be a grade from 0 to 5, got '{row[column]}'")
        grades[image] = {column: int(row[column]) for column in _GRADES}
    return grades


def _decide(column: str, grade: int) -> tuple[str, str]:
    """-> the attribute that a grade decides, and its value."""
    _, attribute, below, above, border = _GRADES[column]
    return attribute, above if grade >= border else below


def _check_sense(path: pathlib.Path, grades: dict[str, dict[str, int]], files: HQFiles) -> None:
    """Raises UserError for a column that disagrees with CelebA's bits on most faces: its grades are reversed."""
    bits = {f"{number}.jpg": files.attributes(number) for number in files.numbers()}
    for column in _GRADES:
        agree = [
            bits[image].get(attribute) == value
            for image, row in grades.items()
            if bits.get(image)
            for attribute, value in [_decide(column, row[column])]
        ]
        if agree and sum(agree) < len(agree) / 2:
            raise UserError(
                f"{path}: column {column} contradicts CelebA's labels on {len(agree) - sum(agree)} of {len(agree)}"
                " faces, so its grades seem to run the other way; take the file that the authors publish"
            )


def _attributes(bits: dict[str, str | int], grades: dict[str, int]) -> dict[str, str | int]:
    known = dict(bits)
    for column, grade in grades.items():
        attribute, value = _decide(column, grade)
        if known.setdefault(attribute, value) != value:
            del known[attribute]
        known[_GRADES[column][0]] = grade
    return known | {"sunglasses": "yes" if grades["Eyeglasses"] >= _SUNGLASSES else "no"}


DATASET = Dataset(
    kind="celeba_dialog",
    title="CelebA-Dialog",
    folder="CelebA-Dialog",
    open=_open,
    of_celeba=True,
    schema=SCHEMA,
    prompts=("She has long bangs and smiles with her mouth open.", "gender : male , beard grade : 4"),
    size="29,999 faces",
    captions="1 a face",
    licence="non-commercial research only",
    citation=(
        "Y. Jiang, Z. Huang, X. Pan, C. C. Loy, Z. Liu: Talk-to-Edit: Fine-Grained Facial Editing via Dialog, ICCV 2021"
    ),
    obtain=(
        "From https://github.com/ziqihuangg/CelebA-Dialog take the part on CelebA-HQ: the folder holds image/,"
        f" text/captions_hq.json, classification_label/ and CelebA-HQ-to-CelebA-mapping.txt. Images, {LABELS} and the"
        f" mapping may also lie in {HQ}/ beside this folder."
    ),
    split_rule="CelebA's partition, found through CelebA-HQ-to-CelebA-mapping.txt, decides",
)
