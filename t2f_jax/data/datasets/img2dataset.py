"""Photographs from the web in img2dataset's shards: a source for datasets that are published as addresses.

A sample is an image, its caption (`txt`) and its metadata (`json`). If its json has `face_box` (left, top, right and
bottom in pixels of the original photograph), the face is cropped there, with a margin; otherwise the photograph is
the face. The address decides the split, so datasets that share photographs have the same splits.
"""

import dataclasses
import io
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from t2f_jax.data.datasets.base import SPLITS, Box, Dataset, Split
from t2f_jax.data.datasets.listed import split_by_hash, widened
from t2f_jax.data.datasets.own import shards
from t2f_jax.data.datasets.own.rows import Picture
from t2f_jax.errors import UserError
from t2f_jax.io import images
from t2f_jax.io.framing import WHOLE, Framing
from t2f_jax.tokens.attributes import Fields


@dataclasses.dataclass(frozen=True, slots=True)
class _Face:
    """One sample: its name, its image, the face's box in it (None: all of it), and its caption."""

    id: str
    picture: Picture
    box: Box | None
    caption: str


class Downloaded:
    """A `base.Source` for all shards below a folder; opening it reads everything except the images.

    Samples whose json has an `NSFW` other than "UNLIKELY" are left out and listed in `skipped`.

    Raises:
      UserError: there is no shard, one is cut short or no tar file, or no sample can be used.
    """

    def __init__(self, name: str, dataset: Dataset, folder: pathlib.Path):
        self.name, self.dataset, self.schema = name, dataset, dataset.schema
        self.skipped: list[dict[str, str]] = []
        self._faces: list[_Face] = []
        self._splits: dict[Split, list[int]] = {split: [] for split in SPLITS}
        for face, address in self._read(folder):
            self._splits[split_by_hash(address or face.id)].append(len(self._faces))
            self._faces.append(face)
        if not self._faces:
            raise UserError(
                f"{folder}: no shard (.tar) of img2dataset with an image that can be used. {dataset.obtain}"
            )

    def _read(self, folder: pathlib.Path) -> Iterator[tuple[_Face, str]]:
        """-> (face, address of its photograph)."""
        for path in sorted(folder.rglob("*.tar")):
            shard = path.relative_to(folder).with_suffix("")
            table = shards.read([path], path.parent)
            self.skipped += [{"id": f"{shard}: {where}", "why": why} for where, why in table.broken.items()]
            for row in table.rows:
                id, values = f"{shard}/{row.id}", {key.lower(): value for key, value in row.values.items()}
                try:
                    if values.get("nsfw", "UNLIKELY") != "UNLIKELY":
                        raise UserError(f"its NSFW is '{values['nsfw']}'; UNLIKELY alone is read")
                    caption = " ".join(str(values.get("caption") or "").split())
                    yield _Face(id, row.picture, _box(values), caption), str(values.get("url") or "")
                except UserError as error:
                    self.skipped.append({"id": id, "why": str(error)})

    def split(self, split: Split) -> list[int]:
        """Indices of a split, ascending."""
        return self._splits[split]

    def id(self, i: int) -> str:
        """Shard and file name of face i."""
        return self._faces[i].id

    def signature(self, i: int) -> str:
        """Name and size in bytes of the image, and the box, if any."""
        face = self._faces[i]
        return f"{face.id} {face.picture.signature()}" + (f" {face.box}" if face.box else "")

    def fields(self, i: int) -> Fields:
        """The caption of face i; there are no labels."""
        caption = self._faces[i].caption
        return {"attributes": {}, "captions": [caption] if caption else []}

    def image(self, i: int, size: int, framing: Framing = WHOLE) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        return images.read_image(io.BytesIO(self.original(i)), size, framing, name=self.id(i))

    def original(self, i: int) -> bytes:
        """The image of face i, or the part in its box as PNG; raises UserError."""
        face = self._faces[i]
        data = face.picture.data()
        if face.box is None:
            return data
        png = io.BytesIO()
        left, top, right, bottom = map(round, face.box)
        images.open_image(io.BytesIO(data), face.id).crop((left, top, right, bottom)).save(png, "PNG")
        return png.getvalue()


def _box(values: Mapping[str, Any]) -> Box | None:
    """The square to crop, in pixels of the downloaded image, which may have been resized."""
    sides = values.get("face_box")
    if sides is None:
        return None
    if not isinstance(sides, list) or len(sides) != 4 or not all(isinstance(side, int | float) for side in sides):
        raise UserError(f"its face_box is {sides}; four numbers should stand there, left, top, right and bottom")
    left, top, right, bottom = sides
    if left >= right or top >= bottom:
        raise UserError(f"no pixel lies in its face_box {sides} (left, top, right, bottom)")
    x, y = (_scale(values, side) for side in ("width", "height"))
    return widened((left * x, top * y, right * x, bottom * y))


def _scale(values: Mapping[str, Any], side: str) -> float:
    """The factor by which a side was scaled when the photograph was downloaded."""
    now, before = values.get(side), values.get(f"original_{side}")
    return now / before if isinstance(now, int | float) and isinstance(before, int | float) and before > 0 else 1.0
