"""CelebA in its authors' layout: aligned faces with 40 binary attributes."""

import functools
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from t2f_jax.data.datasets.base import (
    SPLITS,
    Dataset,
    Split,
    file_signature,
    original,
    packed_files,
    read_face,
    unnested,
)
from t2f_jax.data.datasets.celeba_files import PARTITION, SCHEMA, attributes_of, read_labels, read_partition
from t2f_jax.errors import UserError
from t2f_jax.io.framing import WHOLE, Framing, read_landmarks
from t2f_jax.tokens.attributes import Fields

_LABELS = "list_attr_celeba"  # .txt, or .csv in Kaggle's edition
_LANDMARKS = "list_landmarks_align_celeba"
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
        " list_attr_celeba.txt and list_eval_partition.txt; for data.resize=landmarks list_landmarks_align_celeba.txt,"
        " too. They may lie side by side or in Img/, Anno/ and Eval/."
    ),
    split_rule="list_eval_partition.txt gives each face 0 (train), 1 (validation) or 2 (test)",
    landmarks=True,
)


class CelebA:
    """A `base.Source` for a folder in the official layout; opening it reads the label files, not the images.

    The images may also be those of the PNG edition, whose label files name .jpg files, too; the label files may be
    those of Kaggle's edition, which end in .csv.

    Raises:
      UserError: a missing file or image folder, a broken row, a labelled image that is missing.
    """

    dataset = DATASET
    schema = SCHEMA

    def __init__(self, name: str, folder: pathlib.Path):
        self.name = name
        self.skipped: list[dict[str, str]] = []
        self._images = _find_images(folder)
        labels = _find_table(folder, _LABELS, ("", "Anno"))
        labelled, self._labels_NxA = read_labels(labels)
        partition = read_partition(_find_table(folder, PARTITION, ("", "Eval", "Anno")), labelled, labels.name)
        self._folder, self._labelled = folder, labelled
        self._splits = {s: [i for i, name in enumerate(labelled) if partition[name] == s] for s in SPLITS}
        self._names = _file_names(self._images, labelled, labels.name)

    def split(self, split: Split) -> list[int]:
        """Indices of a split, ascending."""
        return self._splits[split]

    def id(self, i: int) -> str:
        """File name of face i."""
        return self._names[i]

    def signature(self, i: int) -> str:
        """File name and size in bytes."""
        return file_signature(self.path(i))

    def fields(self, i: int) -> Fields:
        """Labels of face i; it has no captions."""
        return {"attributes": attributes_of(self._labels_NxA[i]), "captions": []}

    def path(self, i: int) -> pathlib.Path:
        """The image file of face i."""
        return self._images / self._names[i]

    def image(self, i: int, size: int, framing: Framing = WHOLE) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        landmarks = self.landmarks(i) if framing.resize == "landmarks" else None
        return read_face(self.path(i), size, framing, landmarks=landmarks)

    def landmarks(self, i: int) -> np.ndarray | None:
        """Landmarks of face i, float [5, 2], see `framing`; None if list_landmarks_align_celeba.txt lacks it."""
        return self._landmarks.get(self._labelled[i])

    @functools.cached_property
    def _landmarks(self) -> dict[str, np.ndarray]:
        table = next(_tables(self._folder, _LANDMARKS, ("", "Anno")), None)
        return read_landmarks(table) if table else {}

    def original(self, i: int) -> bytes:
        """The image file of face i; raises UserError."""
        return original(self.path(i))


def _find(folder: pathlib.Path, name: str, subfolders: tuple[str, ...]) -> pathlib.Path:
    for sub in subfolders:
        if (folder / sub / name).exists():
            return folder / sub / name
    places = ", ".join(str(folder / sub / name) for sub in subfolders)
    packed = packed_files(folder, *(folder / sub for sub in subfolders))
    hint = f"; {packed[0]} is still packed: unpack it there" if packed else ""
    raise UserError(f"{folder}: no {name}; CelebA's official layout has it at one of {places}{hint}")


def _find_table(folder: pathlib.Path, stem: str, subfolders: tuple[str, ...]) -> pathlib.Path:
    return next(_tables(folder, stem, subfolders), None) or _find(folder, f"{stem}.txt", subfolders)


def _tables(folder: pathlib.Path, stem: str, subfolders: tuple[str, ...]) -> Iterator[pathlib.Path]:
    """The possible paths of a table that exist."""
    tables = (folder / sub / f"{stem}{ending}" for ending in (".txt", ".csv") for sub in subfolders)
    return (table for table in tables if table.exists())


def _find_images(folder: pathlib.Path) -> pathlib.Path:
    """The folder with the images: unpacking often puts it inside another one of the same name."""
    png = "img_align_celeba_png"
    is_png = any((folder / sub / png).exists() for sub in ("", "Img"))
    is_jpg = any((folder / sub / "img_align_celeba").exists() for sub in ("", "Img"))
    images_folder = _find(folder, png if is_png and not is_jpg else "img_align_celeba", ("", "Img"))
    images_folder = unnested(images_folder)
    if not images_folder.is_dir():
        raise UserError(f"{images_folder}: this is a file; the folder of the images should lie there")
    return images_folder


def _file_names(folder: pathlib.Path, labelled: list[str], labels: str) -> list[str]:
    """The image file of each labelled name: the one of that name, or one that differs only in its ending."""
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
