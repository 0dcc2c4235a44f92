"""CelebA's label files, and its partition, which decides the splits of all datasets of CelebA's images.

CelebA-HQ, Multi-Modal-CelebA-HQ, CelebA-Dialog, CelebAText-HQ and Face2Text have CelebA's images. With one partition
for all, no test face is a training face of another dataset.
"""

import collections
import os
import pathlib
from collections.abc import Iterable

import numpy as np

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets.base import Split
from t2f_jax.data.names import schema
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_lines
from t2f_jax.tokens.attributes import Attribute

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
PARTITION = "list_eval_partition"  # .txt, or .csv in Kaggle's edition
_VALIDATION, _TEST = 162_771, 182_638  # first image numbers of these splits, as published


def read_labels(path: pathlib.Path) -> tuple[list[str], np.ndarray]:
    """-> image names, labels uint8 [N, 40] (0 no, 1 yes) in the order of COLUMNS.

    Raises:
      UserError: no such file, or a broken row; the message has the line.
    """
    lines = read_lines(path, "file of labels")
    top = 0 if set(COLUMNS) <= set(cells_of(lines[0])) else 1  # Kaggle's edition has no row count above
    header = cells_of(lines[top]) if len(lines) > top else []
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
        cells = cells_of(line)
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


def cells_of(line: str) -> list[str]:
    """The cells of a line, separated by blanks or commas."""
    return line.replace(",", " ").split()


def attributes_of(row: np.ndarray) -> dict[str, str | int]:
    """Labels uint8 [40] of an image, as from `read_labels` -> {attribute: value}."""
    return {a.name: a.values[int(label)] for a, label in zip(SCHEMA, row)}


def read_partition(path: pathlib.Path, names: Iterable[str] | None = None, labels: str = "") -> dict[str, Split]:
    """-> {image name: split}.

    Args:
      names: the images that must have exactly one row each; any if not given.
      labels: the file that these names are from, for messages.

    Raises:
      UserError: no such file, or a broken, missing or superfluous row.
    """
    known = None if names is None else dict.fromkeys(names)
    splits: dict[str, Split] = {}
    for number, line in enumerate(read_lines(path, "file of partitions"), 1):
        cells = cells_of(line)
        if not cells or (number == 1 and cells == ["image_id", "partition"]):
            continue
        if len(cells) != 2 or cells[1] not in _SPLITS:
            raise UserError(f"{path}, line {number}: '{line.strip()}' should be a file name and 0, 1 or 2")
        if known is not None and cells[0] not in known:
            raise UserError(f"{path}, line {number}: {cells[0]} has no row in {labels}; every image needs one")
        if cells[0] in splits:
            raise UserError(f"{path}, line {number}: {cells[0]} has two rows; an image belongs to one split")
        splits[cells[0]] = _SPLITS[cells[1]]
    lost = next((name for name in known or () if name not in splits), None)
    if lost:
        raise UserError(f"{path}: no row for {lost}; every image of {labels} needs one")
    return splits


def folders(config: SourceConfig, *inside: pathlib.Path) -> list[pathlib.Path]:
    """Possible folders of CelebA for a dataset of its images: the config's, `inside`, beside it, or in $T2F_DATA."""
    given = [pathlib.Path(os.path.expanduser(config.celeba))] if config.celeba else []
    root = os.environ.get("T2F_DATA")
    shared = [pathlib.Path(os.path.expanduser(root)) / "CelebA"] if root else []
    return [*given, *inside, pathlib.Path(config.folder).parent / "CelebA", *shared]


class Partition:
    """The split of each of CelebA's images, by its number (of 000777.jpg: 777).

    It is read from CelebA's own file if that is in the dataset's own folder or one of `folders(config)`. Images that
    are not in the file, or all if there is none, are in the split that CelebA's authors publish for their numbers.
    """

    def __init__(self, config: SourceConfig):
        roots = folders(config, pathlib.Path(config.folder))
        places = [root / sub / f"{PARTITION}{end}" for root in roots for sub in ("", "Eval", "Anno")
                  for end in (".txt", ".csv")]  # fmt: skip
        table = next((path for path in places if path.is_file()), None)
        rows = read_partition(table) if table else {}
        self._splits: dict[int, Split] = {_number(name): split for name, split in rows.items()}

    def split(self, number: int) -> Split:
        """The split of an image of CelebA."""
        if number in self._splits:
            return self._splits[number]
        return "train" if number < _VALIDATION else "validation" if number < _TEST else "test"


def _number(name: str) -> int:
    digits = pathlib.PurePath(name).stem
    return int(digits) if digits.isdecimal() else -1
