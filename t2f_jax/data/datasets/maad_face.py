"""MAAD-Face: 47 attributes of the 3.3 million faces of VGGFace2; 0 means unknown, not "no".

The labels are from models. They are kept as one array and converted face by face: objects for millions of faces would
take gigabytes.
"""

import os
import pathlib

import numpy as np

from t2f_jax.data import names
from t2f_jax.data.datasets.base import SPLITS, Dataset, Split, file_signature, original, read_face
from t2f_jax.data.datasets.listed import Files, find, validation_by_hash
from t2f_jax.errors import UserError
from t2f_jax.io.framing import WHOLE, Framing
from t2f_jax.tokens.attributes import Fields

COLUMNS = (
    *("Male", "Young", "Middle_Aged", "Senior", "Asian", "White", "Black", "Rosy_Cheeks", "Shiny_Skin", "Bald"),
    *("Wavy_Hair", "Receding_Hairline", "Bangs", "Sideburns", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"),
    *("No_Beard", "Mustache", "5_o_Clock_Shadow", "Goatee", "Oval_Face", "Square_Face", "Round_Face", "Double_Chin"),
    *("High_Cheekbones", "Chubby", "Obstructed_Forehead", "Fully_Visible_Forehead", "Brown_Eyes", "Bags_Under_Eyes"),
    *("Bushy_Eyebrows", "Arched_Eyebrows", "Mouth_Closed", "Smiling", "Big_Lips", "Big_Nose", "Pointy_Nose"),
    *("Heavy_Makeup", "Wearing_Hat", "Wearing_Earrings", "Wearing_Necktie", "Wearing_Lipstick", "No_Eyewear"),
    *("Eyeglasses", "Attractive"),
)
SCHEMA = names.schema(COLUMNS)
_TABLES = ("MAAD_Face.csv", "MAAD-Face.csv", "MAAD_Face_1.0.csv")
_ANSWERS = {1: True, -1: False, 0: None}


class MaadFace:
    """A `base.Source` for VGGFace2's photographs. A row without its photograph is listed in `skipped`.

    Raises:
      UserError: the table or the folders of photographs are missing, or the table is broken.
    """

    def __init__(self, name: str, folder: pathlib.Path):
        self.name, self.dataset, self.schema = name, DATASET, SCHEMA
        self.skipped: list[dict[str, str]] = []
        table = find(folder, DATASET, *_TABLES)
        roots = {part: find(folder, DATASET, part, f"VGG-Face2/data/{part}") for part in ("train", "test")}
        people = {part: set(os.listdir(root)) for part, root in roots.items()}
        files, labels_NxA = _read(table)
        self._splits: dict[Split, list[int]] = {split: [] for split in SPLITS}
        self._paths: list[str] = []
        kept, here = [], Files()
        for row, file in enumerate(files):
            person = file.partition("/")[0]
            part = "test" if person in people["test"] else "train"
            path = f"{roots[part]}/{file}"
            if path not in here:
                self.skipped.append({"id": file, "why": f"{path}: no such file"})
                continue
            split: Split = "test" if part == "test" else validation_by_hash(person)
            self._splits[split].append(len(kept))
            self._paths.append(path)
            kept.append(row)
        if not kept:
            raise UserError(f"{folder}: not one photograph that {table.name} names is there. {DATASET.obtain}")
        self._labels_NxA = labels_NxA[kept]

    def split(self, split: Split) -> list[int]:
        """Indices of a split, ascending."""
        return self._splits[split]

    def id(self, i: int) -> str:
        """Folder of the person and file name of face i."""
        return "/".join(self._paths[i].split("/")[-2:])

    def signature(self, i: int) -> str:
        """The person's folder, file name and size in bytes."""
        return f"{self.id(i).partition('/')[0]}/{file_signature(pathlib.Path(self._paths[i]))}"

    def fields(self, i: int) -> Fields:
        """Labels of face i; it has no captions."""
        said = {column: _ANSWERS[int(value)] for column, value in zip(COLUMNS, self._labels_NxA[i])}
        return {"attributes": names.labels(said), "captions": []}

    def image(self, i: int, size: int, framing: Framing = WHOLE) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        return read_face(pathlib.Path(self._paths[i]), size, framing)

    def original(self, i: int) -> bytes:
        """The image file of face i; raises UserError."""
        return original(pathlib.Path(self._paths[i]))


def _read(table: pathlib.Path) -> tuple[list[str], np.ndarray]:
    """-> names of N files, int8 [N, 47] of -1, 0 and 1 in the order of COLUMNS."""
    import pyarrow
    from pyarrow import csv

    types = {"Filename": pyarrow.string()} | {column: pyarrow.int8() for column in COLUMNS}
    options = csv.ConvertOptions(column_types=types, include_columns=list(types))
    try:
        rows = csv.read_csv(table, convert_options=options)
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{table}: no table with Filename and {len(COLUMNS)} columns of -1, 0, 1 ({error})") from error
    labels_NxA = np.stack([rows.column(column).to_numpy() for column in COLUMNS], axis=1)
    if np.abs(labels_NxA).max(initial=0) > 1:
        raise UserError(f"{table}: a label other than -1, 0 and 1")
    return rows.column("Filename").to_pylist(), labels_NxA


DATASET = Dataset(
    kind="maad_face",
    title="MAAD-Face",
    folder="MAAD-Face",
    open=lambda name, config, seed: MaadFace(name, pathlib.Path(config.folder)),
    schema=SCHEMA,
    prompts=("gender : male , bald", "gender : female , smiling", "gender : male , eyeglasses"),
    size="3.3 million photographs of 9,131 people",
    licence="labels CC BY-SA 4.0; the photographs are VGGFace2's, whose own terms hold",
    citation=(
        "P. Terhörst, D. Fährmann, J. N. Kolf, N. Damer, F. Kirchbuchner, A. Kuijper: MAAD-Face: A Massively Annotated"
        " Attribute Dataset for Face Images, IEEE Transactions on Information Forensics and Security 16, 2021; Q. Cao,"
        " L. Shen, W. Xie, O. M. Parkhi, A. Zisserman: VGGFace2, FG 2018"
    ),
    obtain=(
        "From https://github.com/pterhoer/MAAD-Face take MAAD_Face.csv. The photographs are VGGFace2's, which its"
        " authors no longer offer; the folder holds them as train/n000002/0001_01.jpg and test/n000001/0001_01.jpg."
    ),
    split_rule=(
        "VGGFace2's folders train/ and test/ decide; one person in twenty of training is validation, by a hash of the"
        " folder's name"
    ),
)
