"""CelebA in its authors' layout: aligned faces with 40 binary attributes."""

import collections
import os
import pathlib

import numpy as np

from t2f_jax.data.datasets.base import Dataset, Split
from t2f_jax.errors import UserError
from t2f_jax.io import images
from t2f_jax.tokens.attributes import Attribute, Fields

COLUMNS = (
    "5_o_Clock_Shadow",
    "Arched_Eyebrows",
    "Attractive",
    "Bags_Under_Eyes",
    "Bald",
    "Bangs",
    "Big_Lips",
    "Big_Nose",
    "Black_Hair",
    "Blond_Hair",
    "Blurry",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Chubby",
    "Double_Chin",
    "Eyeglasses",
    "Goatee",
    "Gray_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "Narrow_Eyes",
    "No_Beard",
    "Oval_Face",
    "Pale_Skin",
    "Pointy_Nose",
    "Receding_Hairline",
    "Rosy_Cheeks",
    "Sideburns",
    "Smiling",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Earrings",
    "Wearing_Hat",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
    "Young",
)


def _attribute(column: str) -> Attribute:
    if column == "Male":
        return Attribute("gender", ("female", "male"))  # in the order of -1, 1
    return Attribute(column.lower().replace("_", " "), ("no", "yes"))


SCHEMA: tuple[Attribute, ...] = tuple(_attribute(column) for column in COLUMNS)
_SPLITS: dict[str, Split] = {"0": "train", "1": "validation", "2": "test"}


DATASET = Dataset(
    kind="celeba",
    title="CelebA",
    folder="CelebA",
    open=lambda name, config, seed: CelebA(name, pathlib.Path(config.folder)),
    schema=SCHEMA,
    prompts=(
        "a smiling young woman with blond hair",
        "a man with black hair and eyeglasses",
        "gender : female , black hair , not smiling",
    ),
    licence="non-commercial research only",
    citation="Z. Liu, P. Luo, X. Wang, X. Tang: Deep Learning Face Attributes in the Wild, ICCV 2015",
    obtain=(
        "From https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html take img_align_celeba.zip (unpacked),"
        " list_attr_celeba.txt and list_eval_partition.txt. They may lie side by side or in Img/, Anno/ and Eval/."
    ),
)


class CelebA:
    """A `base.Source` over a folder in the official layout; opening it reads the label files, not the images.

    Raises:
      UserError: a missing file or image folder, a broken row, an image that is labelled but absent.
    """

    dataset = DATASET
    schema = SCHEMA

    def __init__(self, name: str, folder: pathlib.Path):
        self.name = name
        self.skipped: list[dict[str, str]] = []
        self._images = _find(folder, "img_align_celeba", ("", "Img"))
        self._names, self._labels_NxA = _read_labels(_find(folder, "list_attr_celeba.txt", ("", "Anno")))
        self._splits = _read_partition(_find(folder, "list_eval_partition.txt", ("", "Eval", "Anno")), self._names)
        present = {entry.name for entry in os.scandir(self._images)}
        absent = [n for n in self._names if n not in present]
        if absent:
            raise UserError(
                f"{self._images}: {absent[0]} is labelled in list_attr_celeba.txt but absent"
                f" ({len(absent)} of {len(self._names)} are); unpack img_align_celeba.zip again"
            )

    def split(self, split: Split) -> list[int]:
        """Indices of a split, ascending."""
        return self._splits[split]

    def id(self, i: int) -> str:
        """File name of face i."""
        return self._names[i]

    def signature(self, i: int) -> str:
        """File name and size in bytes."""
        return f"{self._names[i]} {(self._images / self._names[i]).stat().st_size}"

    def fields(self, i: int) -> Fields:
        """Labels of face i; it has no captions."""
        values = {a.name: a.values[int(label)] for a, label in zip(self.schema, self._labels_NxA[i])}
        return {"attributes": values, "captions": []}

    def image(self, i: int, size: int, crop: float) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises images.CorruptImage."""
        return images.fit(images.open_image(self._images / self._names[i]), size, crop)


def _find(folder: pathlib.Path, name: str, subfolders: tuple[str, ...]) -> pathlib.Path:
    for sub in subfolders:
        if (folder / sub / name).exists():
            return folder / sub / name
    places = ", ".join(str(folder / sub / name) for sub in subfolders)
    raise UserError(f"{folder}: no {name}; CelebA's official layout has it at one of {places}")


def _read_labels(path: pathlib.Path) -> tuple[list[str], np.ndarray]:
    """-> image names, labels uint8 [N, 40] (0 no, 1 yes) in the order of COLUMNS."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    header = lines[1].split() if len(lines) > 1 else []
    if sorted(header) != sorted(COLUMNS):
        odd = sorted(set(header) ^ set(COLUMNS))
        raise UserError(f"{path}, line 2: the names of CelebA's 40 attributes should stand here; differs in {odd[:3]}")
    order = [header.index(column) for column in COLUMNS]
    value = {"1": 1, "-1": 0}
    names, rows = [], []
    for number, line in enumerate(lines[2:], 3):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != 1 + len(COLUMNS):
            raise UserError(
                f"{path}, line {number}: {len(cells) - 1} labels after the file name instead of {len(COLUMNS)}"
            )
        try:
            row = [value[cell] for cell in cells[1:]]
        except KeyError as error:
            raise UserError(f"{path}, line {number}: label {error} is neither 1 nor -1") from None
        names.append(cells[0])
        rows.append([row[k] for k in order])
    if lines[0].strip() != str(len(names)):
        raise UserError(
            f"{path}, line 1: '{lines[0].strip()}' rows announced, {len(names)} found; the two should be equal"
            " (is the file cut short?)"
        )
    if len(set(names)) != len(names):
        twice = collections.Counter(names).most_common(1)[0][0]
        raise UserError(f"{path}: {twice} has two rows; an image has one")
    return names, np.array(rows, np.uint8).reshape(-1, len(COLUMNS))


def _read_partition(path: pathlib.Path, names: list[str]) -> dict[Split, list[int]]:
    """-> split -> indices into `names`, ascending."""
    index = {name: i for i, name in enumerate(names)}
    splits: dict[Split, list[int]] = {split: [] for split in _SPLITS.values()}
    seen = set()
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != 2 or cells[1] not in _SPLITS:
            raise UserError(f"{path}, line {number}: '{line.strip()}' should be a file name and 0, 1 or 2")
        if cells[0] not in index:
            raise UserError(
                f"{path}, line {number}: {cells[0]} has no row in list_attr_celeba.txt; every image needs one"
            )
        if cells[0] in seen:
            raise UserError(f"{path}, line {number}: {cells[0]} has two rows; an image belongs to one split")
        splits[_SPLITS[cells[1]]].append(index[cells[0]])
        seen.add(cells[0])
    if len(seen) != len(names):
        lost = next(n for n in names if n not in seen)
        raise UserError(f"{path}: no row for {lost}; every image of list_attr_celeba.txt needs one")
    return {split: sorted(rows) for split, rows in splits.items()}
