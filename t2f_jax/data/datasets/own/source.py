"""Your own data as a dataset."""

import collections
import dataclasses
import os
import pathlib
from collections.abc import Mapping

import numpy as np

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets.base import SPLITS, Dataset, Split
from t2f_jax.data.datasets.own import columns, layouts, splits
from t2f_jax.data.datasets.own.rows import Picture
from t2f_jax.errors import UserError
from t2f_jax.io.framing import WHOLE, Framing
from t2f_jax.tokens.attributes import Attribute, Fields

DATASET = Dataset(
    kind="own",
    own=True,
    title="Your own faces",
    size="as many as there are",
    captions="those of the data",
    open=lambda name, config, seed: open_own(name, config),
    schema=(),
    prompts=(),
    licence="yours",
    obtain=(
        f"data.sources.<name>.folder names {layouts.WANTED}. `t2f data make FOLDER` writes a first table of a folder of"
        " images, `t2f data check PATH` shows how data is read and what is wrong with it."
    ),
    split_rule=splits.RULE,
)


@dataclasses.dataclass(slots=True)
class Face:
    """One face, combined from all rows about its image."""

    id: str
    where: str
    picture: Picture
    fields: Fields
    said: Split | None
    person: str
    landmarks: np.ndarray | None


@dataclasses.dataclass(slots=True)
class Data:
    """The data at a path.

    Attributes:
      layout: name of its layout.
      columns: what each column was read as.
      schema: the attributes.
      faces: by id.
      splits: of each face.
      broken: {where: why} of the rows that cannot be used.
      refused: existing images without any usable row.
      silent: {where: captions of a row without content, which are left out}.
    """

    layout: str
    columns: list[columns.Column]
    schema: tuple[Attribute, ...]
    faces: list[Face]
    splits: list[Split]
    broken: dict[str, str]
    refused: list[Picture]
    silent: dict[str, list[str]]

    def notes(self) -> list[str]:
        """Notes on data that exists but is not read, with the same text for all layouts."""
        left = [f"'{column.name}' ({column.told})" for column in self.columns if column.role == columns.NOT_READ]
        notes = [f"columns that are not read: {', '.join(left)}"] if left else []
        silent = [caption for captions in self.silent.values() for caption in captions]
        if silent:
            first = ", ".join(f"'{caption}'" for caption in sorted(set(silent))[:5])
            notes.append(f"captions that say nothing and are left out: {len(silent)}, such as {first}")
        return notes


def read(path: pathlib.Path, mapped: Mapping[str, str]) -> Data:
    """Reads everything but the images.

    Args:
      mapped: {column: its name here}, see `columns.parse_map`.

    Raises:
      UserError: there is nothing readable, or no row can be used.
    """
    table = layouts.read(path, mapped)
    if not table.rows:
        raise _no_face(path, table.broken)
    labels = columns.read(table.rows, mapped, str(path))
    broken = table.broken | labels.broken
    faces = _merge(labels, broken)
    if not faces:
        raise _no_face(path, broken)
    dealt = splits.deal([face.person or face.id for face in faces], [face.said for face in faces])
    used = {face.picture for face in faces}
    refused = [row.picture for row in table.rows if row.picture not in used]
    return Data(table.layout, labels.columns, labels.schema, faces, dealt, broken, refused, labels.silent)


def _no_face(path: pathlib.Path, broken: Mapping[str, str]) -> UserError:
    where, why = next(iter(broken.items()), ("", "there is no row"))
    return UserError(f"{path}: not one face can be used; {where}{where and ': '}{why}")


def _merge(labels: columns.Labels, broken: dict[str, str]) -> list[Face]:
    """Makes one face per image, by id; rows that contradict an earlier one about the same image go into `broken`."""
    faces: dict[Picture, Face] = {}
    read = zip(labels.rows, labels.fields, labels.said, labels.persons, labels.landmarks)
    for row, fields, said, person, landmarks in read:
        face = faces.get(row.picture)
        if face is None:
            faces[row.picture] = Face(row.id, row.where, row.picture, fields, said, person, landmarks)
        elif differs := _contradiction(face, fields, said):
            broken[row.where] = f"{differs} ({face.where}); all rows about one image should say the same"
        else:
            captions = dict.fromkeys([*face.fields["captions"], *fields["captions"]])
            attributes = dict(sorted({**face.fields["attributes"], **fields["attributes"]}.items()))
            face.fields = {"attributes": attributes, "captions": list(captions)}
            face.said, face.person = face.said or said, face.person or person
            face.landmarks = landmarks if face.landmarks is None else face.landmarks
    return _named_apart(list(faces.values()), broken)


def _contradiction(face: Face, fields: Fields, said: Split | None) -> str:
    if said and face.said and said != face.said:
        return f"split {said}, elsewhere {face.said}"
    known = face.fields["attributes"]
    for name, value in fields["attributes"].items():
        if known.get(name, value) != value:
            return f"{name} {value}, elsewhere {known[name]}"
    return ""


def _named_apart(faces: list[Face], broken: dict[str, str]) -> list[Face]:
    """The faces by id. Images of the same name are distinguished by their splits, or else go into `broken`."""
    count = collections.Counter(face.id for face in faces)
    known: dict[str, Face] = {}
    for face in faces:
        if count[face.id] > 1 and face.said:
            face.id = f"{face.said}/{face.id}"
        if face.id in known:
            broken[face.where] = f"another image is called {face.id}, too ({known[face.id].where}); rename one of them"
        else:
            known[face.id] = face
    return [known[id] for id in sorted(known)]


def open_own(name: str, config: SourceConfig) -> "Own":
    """Opens the data that `data.sources.<name>` describes. Raises UserError if it cannot be read."""
    key = f"data.sources.{name}"
    if not config.folder:
        raise UserError(f"{key}.folder: where is your data? Name {layouts.WANTED}")
    return Own(
        name, pathlib.Path(os.path.expanduser(config.folder)), columns.parse_map(config.columns, f"{key}.columns")
    )


class Own:
    """A `base.Source` for own data; opening it reads everything except the images.

    Raises:
      UserError: there is nothing readable, or no row can be used.
    """

    dataset = DATASET

    def __init__(self, name: str, path: pathlib.Path, mapped: Mapping[str, str]):
        data = read(path, mapped)
        self.name, self.schema, self._faces, self.notes = name, data.schema, data.faces, data.notes()
        self.skipped = [{"id": where, "why": why} for where, why in data.broken.items()]
        self._splits: dict[Split, list[int]] = {split: [] for split in SPLITS}
        for i, split in enumerate(data.splits):
            self._splits[split].append(i)

    def split(self, split: Split) -> list[int]:
        """Indices of a split, ascending."""
        return self._splits[split]

    def id(self, i: int) -> str:
        """The image's name in the data."""
        return self._faces[i].id

    def signature(self, i: int) -> str:
        """The image's own name and size in bytes."""
        return self._faces[i].picture.signature()

    def fields(self, i: int) -> Fields:
        """Labels and captions of face i."""
        return self._faces[i].fields

    def image(self, i: int, size: int, framing: Framing = WHOLE) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        return self._faces[i].picture.read(size, framing, self._faces[i].landmarks)

    def landmarks(self, i: int) -> np.ndarray | None:
        """Landmarks of face i, float [5, 2], see `framing`; None if its row does not have all of them."""
        return self._faces[i].landmarks

    def original(self, i: int) -> bytes:
        """The image file of face i; raises UserError."""
        return self._faces[i].picture.data()
