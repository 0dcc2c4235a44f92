"""CelebA in its authors' layout: aligned faces with 40 binary attributes."""

import collections
import os
import pathlib

import numpy as np

from t2f_jax.data.datasets.base import Dataset, Split, file_signature, packed_files, read_face, unnested
from t2f_jax.data.names import schema
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_lines
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


SCHEMA: tuple[Attribute, ...] = schema(COLUMNS, leave_out=())
_SPLITS: dict[str, Split] = {"0": "train", "1": "validation", "2": "test"}
_LABELS, _PARTITION = "list_attr_celeba", "list_eval_partition"  # .txt, or .csv in Kaggle's edition
_ENDINGS = (".jpg", ".jpeg", ".png")


DATASET = Dataset(
    kind="celeba",
    title="CelebA",
    size="202,599 faces",
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
    split_rule="list_eval_partition.txt gives each face 0 (train), 1 (validation) or 2 (test)",
)


class CelebA:
    """A `base.Source` over a folder in the official layout; opening it reads the label files, not the images.

    The images may also be those of the PNG edition, whose label files speak of .jpg, too; the label files those of
    Kaggle's edition, which end in .csv.

    Raises:
      UserError: a missing file or image folder, a broken row, an image that is labelled but absent.
    """

    dataset = DATASET
    schema = SCHEMA

    def __init__(self, name: str, folder: pathlib.Path):
        self.name = name
        self.skipped: list[dict[str, str]] = []
        self._images = _find_images(folder)
        labels = _find_table(folder, _LABELS, ("", "Anno"))
        labelled, self._labels_NxA = _read_labels(labels)
        partition = _find_table(folder, _PARTITION, ("", "Eval", "Anno"))
        self._splits = _read_partition(partition, labelled, labels.name)
        self._names = _file_names(self._images, labelled, labels.name)

    def split(self, split: Split) -> list[int]:
        """Indices of a split, ascending."""
        return self._splits[split]

    def id(self, i: int) -> str:
        """File name of face i."""
        return self._names[i]

    def signature(self, i: int) -> str:
        """File name and size in bytes."""
        return file_signature(self._images / self._names[i])

    def fields(self, i: int) -> Fields:
        """Labels of face i; it has no captions."""
        values = {a.name: a.values[int(label)] for a, label in zip(self.schema, self._labels_NxA[i])}
        return {"attributes": values, "captions": []}

    def image(self, i: int, size: int, crop: float) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        return read_face(self._images / self._names[i], size, crop)


def _find(folder: pathlib.Path, name: str, subfolders: tuple[str, ...]) -> pathlib.Path:
    for sub in subfolders:
        if (folder / sub / name).exists():
            return folder / sub / name
    places = ", ".join(str(folder / sub / name) for sub in subfolders)
    packed = packed_files(folder, *(folder / sub for sub in subfolders))
    hint = f"; {packed[0]} is still packed: unpack it there" if packed else ""
    raise UserError(f"{folder}: no {name}; CelebA's official layout has it at one of {places}{hint}")


def _find_table(folder: pathlib.Path, stem: str, subfolders: tuple[str, ...]) -> pathlib.Path:
    tables = (folder / sub / f"{stem}{ending}" for ending in (".txt", ".csv") for sub in subfolders)
    return next((table for table in tables if table.exists()), None) or _find(folder, f"{stem}.txt", subfolders)


def _cells(line: str) -> list[str]:
    return line.replace(",", " ").split()


def _find_images(folder: pathlib.Path) -> pathlib.Path:
    """The folder that holds the images themselves: unpacking often puts it inside another one of its name."""
    png = "img_align_celeba_png"
    is_png = any((folder / sub / png).exists() for sub in ("", "Img"))
    is_jpg = any((folder / sub / "img_align_celeba").exists() for sub in ("", "Img"))
    images_folder = _find(folder, png if is_png and not is_jpg else "img_align_celeba", ("", "Img"))
    images_folder = unnested(images_folder)
    if not images_folder.is_dir():
        raise UserError(f"{images_folder}: this is a file; the folder of the images should lie there")
    return images_folder


def _file_names(folder: pathlib.Path, labelled: list[str], labels: str) -> list[str]:
    """The image file of each labelled name: the one of that name, else the one that differs only in its ending."""
    present = {entry.name for entry in os.scandir(folder)}
    names = {name: name for name in labelled if name in present}
    if len(names) < len(labelled):
        stems = {pathlib.PurePath(name).stem: name for name in present if name.lower().endswith(_ENDINGS)}
        names |= {n: stems[s] for n in labelled if n not in names and (s := pathlib.PurePath(n).stem) in stems}
    absent = [name for name in labelled if name not in names]
    if absent:
        some = f"it holds {min(present)} and {len(present) - 1} others" if present else "it is empty"
        raise UserError(
            f"{folder}: {absent[0]} is labelled in {labels} but absent"
            f" ({len(absent)} of {len(labelled)} are), also as .png; {some}. If the images are a part of CelebA, leave"
            " only their rows in the label files; else unpack img_align_celeba.zip again"
        )
    return [names[name] for name in labelled]


def _read_labels(path: pathlib.Path) -> tuple[list[str], np.ndarray]:
    """-> image names, labels uint8 [N, 40] (0 no, 1 yes) in the order of COLUMNS."""
    lines = read_lines(path, "file of labels")
    top = 0 if set(COLUMNS) <= set(_cells(lines[0])) else 1  # of Kaggle's edition, without a number of rows above
    header = _cells(lines[top]) if len(lines) > top else []
    header = header[1:] if header[:1] == ["image_id"] else header
    if sorted(header) != sorted(COLUMNS):
        odd = sorted(set(header) ^ set(COLUMNS))
        raise UserError(
            f"{path}, line {top + 1}: the names of CelebA's 40 attributes should stand here; differs in {odd[:3]}"
        )
    order = [header.index(column) for column in COLUMNS]
    value = {"1": 1, "-1": 0}
    names, rows = [], []
    for number, line in enumerate(lines[top + 1 :], top + 2):
        cells = _cells(line)
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
    if top and lines[0].strip() != str(len(names)):
        raise UserError(
            f"{path}, line 1: '{lines[0].strip()}' rows announced, {len(names)} found; the two should be equal"
            " (is the file cut short?)"
        )
    if len(set(names)) != len(names):
        twice = collections.Counter(names).most_common(1)[0][0]
        raise UserError(f"{path}: {twice} has two rows; an image has one")
    return names, np.array(rows, np.uint8).reshape(-1, len(COLUMNS))


def _read_partition(path: pathlib.Path, names: list[str], labels: str) -> dict[Split, list[int]]:
    """-> split -> indices into `names`, ascending."""
    index = {name: i for i, name in enumerate(names)}
    splits: dict[Split, list[int]] = {split: [] for split in _SPLITS.values()}
    seen = set()
    for number, line in enumerate(read_lines(path, "file of partitions"), 1):
        cells = _cells(line)
        if not cells or (number == 1 and cells == ["image_id", "partition"]):
            continue
        if len(cells) != 2 or cells[1] not in _SPLITS:
            raise UserError(f"{path}, line {number}: '{line.strip()}' should be a file name and 0, 1 or 2")
        if cells[0] not in index:
            raise UserError(f"{path}, line {number}: {cells[0]} has no row in {labels}; every image needs one")
        if cells[0] in seen:
            raise UserError(f"{path}, line {number}: {cells[0]} has two rows; an image belongs to one split")
        splits[_SPLITS[cells[1]]].append(index[cells[0]])
        seen.add(cells[0])
    if len(seen) != len(names):
        lost = next(n for n in names if n not in seen)
        raise UserError(f"{path}: no row for {lost}; every image of {labels} needs one")
    return {split: sorted(rows) for split, rows in splits.items()}
