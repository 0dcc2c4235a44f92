"""LFW: faces in the wild of named people, with attributes: LFWA's labels or, without them, Kumar's scores.

LFWA's labels were partly propagated, and Kumar's scores are from classifiers: neither were assigned by people.
"""

import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data import names
from t2f_jax.data.datasets import celeba_files
from t2f_jax.data.datasets.base import Dataset, Split, unnested
from t2f_jax.data.datasets.listed import Face, Listed, find, split_by_hash, validation_by_hash
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_lines

# Besides CelebA's forty, which LFWA also has; of Kumar's 73, the columns in the table of names.
_KUMAR = (
    *("Asian", "White", "Black", "Indian", "Baby", "Child", "Youth", "Middle Aged", "Senior", "No Eyewear"),
    *("Sunglasses", "Curly Hair", "Mouth Closed", "Mouth Wide Open", "Square Face", "Round Face", "Shiny Skin"),
    "Brown Eyes",
)
SCHEMA = names.schema((*celeba_files.COLUMNS, *_KUMAR))
_IMAGES = ("lfw", "lfw_funneled", "lfw-deepfunneled", "lfw-a")
_LABELS = ("lfw_att_73.mat", "lfw_att_40.mat")  # LFWA's; the first existing one is read
_INDICES = "indices_train_test.mat"
_PUBLISHED: tuple[Split, ...] = ("train", "test")
_SCORES = "lfw_attributes.txt"


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    folder = pathlib.Path(config.folder)
    images = unnested(find(folder, DATASET, *_IMAGES))
    source = find(folder, DATASET, *_LABELS, _SCORES)
    labelled = dict(_read_scores(source)) if source.name == _SCORES else _read_labels(source)
    splits = _splits(folder, list(labelled) if source.name != _SCORES else [])
    faces = list(_faces(images, labelled, splits))
    known = {name for face in faces for name in face.fields["attributes"]}
    return Listed(name, DATASET, faces, schema=[attribute for attribute in SCHEMA if attribute.name in known])


def _faces(
    images: pathlib.Path, labelled: Mapping[str, dict[str, bool | None]], splits: Mapping[str, Split]
) -> Iterator[Face]:
    for id, said in labelled.items():
        person = os.path.dirname(id)
        split = splits.get(id) or splits.get(person) or split_by_hash(person)
        split = validation_by_hash(person) if splits and split == "train" else split
        yield Face(id, images / id, {"attributes": names.labels(said), "captions": []}, split)


def _read_scores(path: pathlib.Path) -> Iterator[tuple[str, dict[str, bool | None]]]:
    """Kumar's scores: a comment, a header that begins with "#", then person, number of the image, 73 real numbers."""
    lines = read_lines(path, "table of attributes")
    header = [cell.strip() for cell in lines[1].lstrip("#\t ").split("\t")] if len(lines) > 1 else []
    if header[:2] != ["person", "imagenum"]:
        raise UserError(f"{path}, line 2: should be a header: '#', 'person', 'imagenum' and the attributes, by tabs")
    for number, line in enumerate(lines[2:], 3):
        cells = line.split("\t")
        if not line.strip():
            continue
        try:
            if len(cells) < len(header):
                raise ValueError(f"{len(cells)} cells, but the header names {len(header)} columns")
            person = cells[0].replace(" ", "_")
            id = f"{person}/{person}_{int(cells[1]):04d}.jpg"
            scores = [float(cell) for cell in cells[2 : len(header)]]
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}") from None
        yield id, {column: score > 0 for column, score in zip(header[2:], scores)}


def _read_labels(path: pathlib.Path) -> dict[str, dict[str, bool | None]]:
    """LFWA's labels, in the file's order."""
    with _Matlab(path) as file:
        columns, people = file.texts("AttrName"), file.texts("name")
        labels_NxA = file.array("label").T  # MATLAB's arrays are stored column by column
    if labels_NxA.shape != (len(people), len(columns)):
        raise UserError(f"{path}: labels {labels_NxA.shape} of {len(people)} images and {len(columns)} attributes")
    return {
        name.replace("\\", "/"): {column: bool(value == 1) for column, value in zip(columns, row)}
        for name, row in zip(people, labels_NxA)
    }


def _splits(folder: pathlib.Path, ids: list[str]) -> dict[str, Split]:
    """{id or person: split} as published with LFWA or LFW: training and test."""
    splits: dict[str, Split] = {}
    if ids and (folder / _INDICES).exists():
        with _Matlab(folder / _INDICES) as file:
            for split in _PUBLISHED:
                name = f"indices_img_{split}"
                numbers = file.array(name).reshape(-1).astype(int)  # from 1 on
                if numbers.size and not 1 <= numbers.min() <= numbers.max() <= len(ids):
                    raise UserError(
                        f"{folder / _INDICES}: {name} reaches from {numbers.min()} to {numbers.max()}, but"
                        f" there are images 1 to {len(ids)}"
                    )
                splits |= {ids[number - 1]: split for number in numbers}
        return splits
    for split in _PUBLISHED:
        people = folder / f"peopleDev{split.title()}.txt"
        if people.exists():
            lines = read_lines(people, "list of people")[1:]  # the first line is their number
            splits |= {line.split("\t")[0]: split for line in lines if line.strip()}
    return splits


class _Matlab:
    """A .mat file of MATLAB 7.3, which is HDF5."""

    def __init__(self, path: pathlib.Path):
        import h5py

        self.path = path
        try:
            self.file = h5py.File(path, "r")
        except OSError as error:
            raise UserError(f"{path}: no readable .mat file of MATLAB 7.3 ({error}); unpack it again") from error

    def __enter__(self) -> "_Matlab":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def array(self, name: str) -> np.ndarray:
        """The values of a numeric array."""
        if name not in self.file:
            raise UserError(f"{self.path}: no '{name}'; it holds {', '.join(self.file)}")
        values: Any = self.file[name]
        return values[()]

    def texts(self, name: str) -> list[str]:
        """A cell array of texts: references to arrays of UTF-16 codes."""
        cells = self.array(name).reshape(-1)
        found: list[Any] = [self.file[reference] for reference in cells]
        return ["".join(map(chr, np.ravel(codes[()]))).strip() for codes in found]


DATASET = Dataset(
    kind="lfw",
    title="Labeled Faces in the Wild",
    folder="LFW",
    open=_open,
    schema=SCHEMA,
    prompts=("gender : male , eyeglasses", "gender : female , smiling , blond hair", "gender : male , bald"),
    size="13,233 photographs of 5,749 people",
    licence="research only",
    citation=(
        "G. B. Huang, M. Ramesh, T. Berg, E. Learned-Miller: Labeled Faces in the Wild, University of Massachusetts"
        " Amherst, Technical Report 07-49, 2007; N. Kumar, A. C. Berg, P. N. Belhumeur, S. K. Nayar: Attribute and"
        " Simile Classifiers for Face Verification, ICCV 2009; LFWA: Z. Liu, P. Luo, X. Wang, X. Tang: Deep Learning"
        " Face Attributes in the Wild, ICCV 2015"
    ),
    obtain=(
        "The folder holds the photographs in lfw/ (or lfw_funneled/, lfw-deepfunneled/), as"
        " lfw/Jane_Doe/Jane_Doe_0001.jpg, from http://vis-www.cs.umass.edu/lfw/, and beside it the labels: of LFWA,"
        " from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, lfw_att_40.mat or lfw_att_73.mat and"
        " indices_train_test.mat; or lfw_attributes.txt of Kumar and others. peopleDevTrain.txt and peopleDevTest.txt"
        " may lie there, too."
    ),
    split_rule=(
        "indices_train_test.mat, or else peopleDevTrain.txt and peopleDevTest.txt say who is in training and test, and"
        " one person in twenty of training is validation, by a hash of the name; without them the hash decides for"
        " everybody"
    ),
)
