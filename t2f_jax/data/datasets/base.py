"""The interface of datasets: an entry (`Dataset`) and, once opened, the faces (`Source`)."""

import dataclasses
import io
import pathlib
from collections.abc import Callable
from typing import Literal, Protocol, cast

import numpy as np
from PIL import Image

from t2f_jax.config.schema import SourceConfig
from t2f_jax.errors import UserError
from t2f_jax.io import files, images
from t2f_jax.io.framing import WHOLE, Framing, fit
from t2f_jax.tokens.attributes import Attribute, Fields
from t2f_jax.tokens.phrases import PHRASES, Phrases

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
# Left, top, right, bottom of a face in the upright image, in pixels; the area outside the image is black.
Box = tuple[float, float, float, float]
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".7z.001", ".rar")


class Source(Protocol):
    """An opened dataset. Faces are identified by an index; opening a source decodes no image.

    Attributes:
      name: the key of the source in `data.sources`.
      dataset: its entry.
      schema: the attributes that its faces are labelled with.
      skipped: [{"id", "why"}] of the unusable files in the folder.
    """

    name: str
    dataset: "Dataset"
    schema: tuple[Attribute, ...]
    skipped: list[dict[str, str]]

    def split(self, split: Split) -> list[int]:
        """Indices of the split's faces, ascending; the three splits do not overlap."""
        ...

    def id(self, i: int) -> str:
        """Name of face i, unique in its source (usually a file name)."""
        ...

    def signature(self, i: int) -> str:
        """A text that changes when the pixels of face i do; part of the key of cached pixels and codes."""
        ...

    def fields(self, i: int) -> Fields:
        """Labels and captions of face i; unknown ones are absent, numbers are ints."""
        ...

    def image(self, i: int, size: int, framing: Framing = WHOLE) -> np.ndarray:
        """Pixels, uint8 [size, size, 3], see `framing.fit`. Raises UserError for a file that cannot be read."""
        ...


class WithLandmarks(Source, Protocol):
    """A source that may have landmarks: the places of eyes, nose and mouth."""

    def landmarks(self, i: int) -> np.ndarray | None:
        """Landmarks of face i, float [5, 2], see `framing`; None if they are unknown."""
        ...


class FileSource(Source, Protocol):
    """A source whose faces are image files of the dataset."""

    def original(self, i: int) -> bytes:
        """The image file of face i or, if the face is a part of it, that part as PNG; raises UserError."""
        ...


def file_signature(path: pathlib.Path) -> str:
    """File name and size in bytes, the signature of a face in a file; only the name if the file cannot be found."""
    try:
        return f"{path.name} {path.stat().st_size}"
    except OSError:  # a broken link: it is skipped when it is read
        return f"{path.name} absent"


def landmarks(source: Source, i: int) -> np.ndarray | None:
    """The landmarks of face i, float [5, 2]; None if the source does not have them."""
    return cast(WithLandmarks, source).landmarks(i) if hasattr(source, "landmarks") else None


def notes(source: Source) -> list[str]:
    """Notes on how a source was read; most sources have none."""
    return getattr(source, "notes", [])


def read_face(
    path: pathlib.Path,
    size: int,
    framing: Framing = WHOLE,
    box: Box | None = None,
    landmarks: np.ndarray | None = None,
) -> np.ndarray:
    """Pixels uint8 [size, size, 3] of a face in a file, see `framing.fit`.

    Raises:
      UserError: no such file, not a complete picture, an empty box, or not a regular file: a pipe could block.
    """
    if box is not None:
        return fit(_open_face(path, box), size, framing, landmarks)
    _check_file(path)
    return images.read_image(path, size, framing, landmarks)


def original(path: pathlib.Path, box: Box | None = None) -> bytes:
    """The image file itself or, if the face is a part of it, that part as PNG. Raises UserError as `read_face` does."""
    if box is None and not files.no_file(path):
        return path.read_bytes()
    png = io.BytesIO()
    _open_face(path, box).save(png, "PNG")
    return png.getvalue()


def _check_file(path: pathlib.Path) -> None:
    if wrong := files.no_file(path):
        raise UserError(f"{path}: {wrong}; an image file should lie there")


def _open_face(path: pathlib.Path, box: Box | None) -> Image.Image:
    _check_file(path)
    image = images.open_image(path)
    if box is None:
        return image
    left, top, right, bottom = map(round, box)
    if left >= right or top >= bottom:
        raise UserError(f"{path}: no pixel lies in its box {box} (left, top, right, bottom)")
    return image.crop((left, top, right, bottom))


def unnested(folder: pathlib.Path) -> pathlib.Path:
    """The innermost folder of the same name: unpacking often puts a folder inside another one of the same name."""
    while (folder / folder.name).is_dir():
        folder /= folder.name
    return folder


def packed_files(*folders: pathlib.Path) -> list[str]:
    """Names of the archives in folders, for the message about missing files."""
    names = [path.name for folder in folders if folder.is_dir() for path in folder.iterdir()]
    return sorted(name for name in names if name.lower().endswith(_ARCHIVES))


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A dataset's entry, which its file defines as `DATASET`; the rest of the program uses only this.

    Attributes:
      kind: its name in a config, `data.sources.<name>.kind`.
      title: its name in messages and reports.
      open: (source name, config, seed) -> `Source`; `config.folder` is the dataset's folder, which exists.
      schema: the attributes of its faces.
      prompts: prompts for a report's generated faces: captions, or attributes as in `templates.attributes_text`.
      size: number of published faces, in words: "202,599 faces"; empty if the config sets it.
      captions: description of its captions: "10 a face, written by hand"; empty if it has none.
      folder: its official name, searched in $T2F_DATA; empty if the dataset needs no folder.
      drawn: whether the package draws its faces, `count` of them. They are drawn in separate processes, and a network
        trained on them (`evaluation.judge`) judges generated faces.
      own: whether its faces are the user's own. Then a config gives their folder and the names of their `columns`, they
        have their own schema, and schema, prompts, folder and citation here are empty.
      phrases: phrases for attributes that are missing in `tokens.phrases`, or to replace its phrases.
      licence, citation: terms of use, and the publication to cite.
      obtain: how to get it, and what its folder must contain.
      split_rule: the rule for a face's split, for the message about an empty split.
      of_celeba: whether its faces are CelebA's images. Then CelebA's partition decides the splits, see `celeba_files`.
      landmarks: whether its source may have landmarks (`WithLandmarks`). Datasets prepared by TFDS have them then, too.
      partitions: names of published partitions that `data.sources.<name>.partition` may choose instead of that rule.
    """

    kind: str
    title: str
    open: Callable[[str, SourceConfig, int], Source]
    schema: tuple[Attribute, ...]
    prompts: tuple[str, ...]
    size: str = ""
    captions: str = ""
    folder: str = ""
    drawn: bool = False
    own: bool = False
    phrases: Phrases = dataclasses.field(default_factory=dict)
    licence: str = ""
    citation: str = ""
    obtain: str = ""
    split_rule: str = ""
    of_celeba: bool = False
    landmarks: bool = False
    partitions: tuple[str, ...] = ()

    def caption_phrases(self) -> Phrases:
        """The table of `tokens.phrases`, with this dataset's own entries added or replacing shared ones."""
        return {**PHRASES, **self.phrases}
