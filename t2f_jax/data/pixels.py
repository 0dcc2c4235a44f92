"""A dataset's pixels at one size, decoded or drawn once and kept as a memory map.

N images, S image side in pixels.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from t2f_jax.config.schema import DataConfig
from t2f_jax.data import opt_out, reading
from t2f_jax.data.datasets.base import SPLITS, Source, Split, landmarks
from t2f_jax.errors import UserError
from t2f_jax.io import files, progress
from t2f_jax.io.arrays import create_array, forget_pages, open_array
from t2f_jax.io.framing import WHOLE, Framing
from t2f_jax.tokens.attributes import Fields, check_fields

_CHUNK = 64  # images read together


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """One split of one source at one size.

    Attributes:
      images: uint8 [N, S, S, 3], a read-only memory map.
      fields: labels and captions of the N faces.
      ids: N names.
      name, split: of the source.
      key: fingerprint of everything that determines the pixels.
      skipped: [{"id", "why"}] of the files that could not be read.
    """

    images: np.ndarray
    fields: list[Fields]
    ids: list[str]
    name: str
    split: str
    key: str = ""
    skipped: tuple[dict[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


def read_images(
    source: Source, split: Split, config: DataConfig, cache_dir: pathlib.Path, kept: Iterable[pathlib.Path] = ()
) -> ImageSet:
    """Every image of a split as one memory map; pixels of an earlier call in `cache_dir` are used if they match.

    Files that cannot be read are left out, counted, and listed in `cache_dir/skipped.jsonl`. Incomplete pixels of a
    killed call and damaged ones are never used: the images are then read again.

    Args:
      kept: other folders that may have the pixels; nothing is written there.

    Raises:
      UserError: `data.crop` outside (0, 1], a broken opt-out list, a split without a face or without a readable one,
        no room on the disk.
      OSError: too many open files, or a disk that is gone.
    """
    indices = source.split(split)
    key = pixels_key(source, split, config)
    for place in (cache_dir, *kept):
        if images := cached(source, split, config, place, key):
            return images
    folder = _folder(source, split, config, cache_dir, key)
    _build(source, split, indices, config, key, folder)
    _list_skipped(pathlib.Path(cache_dir))
    return _open(source, split, config.image_size, key, folder)


def cached(
    source: Source, split: Split, config: DataConfig, cache_dir: pathlib.Path, key: str | None = None
) -> ImageSet | None:
    """The pixels that `read_images` wrote to `cache_dir`; None if there are none, or they are damaged.

    Args:
      key: the result of `pixels_key`, if it is known already.
    """
    key = key or pixels_key(source, split, config)
    folder = _folder(source, split, config, cache_dir, key)
    if folder.exists():
        try:
            return _open(source, split, config.image_size, key, folder)
        except UserError as error:
            progress.say(f"{error}; {source.name} {split} is read again")
    return None


def _folder(source: Source, split: Split, config: DataConfig, cache_dir: pathlib.Path, key: str) -> pathlib.Path:
    return pathlib.Path(cache_dir) / f"{source.name}-{split}-{config.image_size}-{key[:12]}"


def _open(source: Source, split: Split, size: int, key: str, folder: pathlib.Path) -> ImageSet:
    """Opens the files of `_build`. Raises UserError if one is missing or broken, or if they do not belong together."""
    meta = files.read_json(folder / "meta.json", "the description of the pixels")
    images_NxSxSx3 = open_array(folder / "images.npy", np.uint8, 4)
    kept, skipped = _read_records(folder / "records.jsonl"), _read_records(folder / "skipped.jsonl")
    count = meta.get("count") if isinstance(meta, dict) and meta.get("key") == key else None
    if type(count) is not int or count < 1 or images_NxSxSx3.shape != (count, size, size, 3) or len(kept) != count:
        raise UserError(f"{folder}: {len(kept)} records and pixels {images_NxSxSx3.shape} instead of {count} faces")
    fields: list[Any] = [record.get("fields") for record in kept]
    ids: list[Any] = [record.get("id") for record in kept]
    try:
        for each in fields:
            check_fields(each)
            each["attributes"] = dict(map(_interned, each["attributes"].items()))
        if not all(isinstance(name, str) for name in ids):
            raise ValueError("a face without a name")
    except ValueError as error:
        raise UserError(f"{folder / 'records.jsonl'}: broken ({error})") from None
    return ImageSet(images_NxSxSx3, fields, ids, source.name, split, key, tuple(skipped))


def _interned(label: tuple[str, str | int]) -> tuple[str, str | int]:
    """The same label, with strings that all faces share."""
    name, value = label
    return sys.intern(name), sys.intern(value) if isinstance(value, str) else value


def _read_records(path: pathlib.Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines. Raises UserError if it is missing, or a line is no object."""
    try:
        lines = path.read_bytes().split(b"\n")
        records = [files.parse_json(line) for line in lines[:-1]]
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: broken ({error})") from None
    if lines[-1] or not all(isinstance(record, dict) for record in records):
        raise UserError(f"{path}: broken (a line is cut, or no JSON object)")
    return records


def check_splits(source: Source) -> None:
    """Raises UserError, with the likely cause, if a split of the source has no face."""
    for split in SPLITS:
        if not source.split(split):
            raise UserError(_empty(source, split))


def _empty(source: Source, split: Split) -> str:
    total = sum(len(source.split(s)) for s in SPLITS)
    rule = f": {source.dataset.split_rule}" if source.dataset.split_rule else ""
    return (
        f"{source.name}: none of its {total} faces belongs to the {split} split{rule}; each of"
        f" {', '.join(SPLITS)} needs a face, and data.sources.{source.name}.weight=0 leaves this dataset out"
    )


def framing_of(config: DataConfig) -> Framing:
    """How each picture is cropped and resized."""
    return Framing(config.crop, config.resize, config.filter)


def pixels_key(source: Source, split: Split, config: DataConfig) -> str:
    """A hash of everything that determines a split's pixels: its faces, their fields, size, framing, the opt-out list.

    Raises:
      UserError: `data.crop` outside (0, 1], a broken opt-out list.
    """
    if not 0 < config.crop <= 1:
        raise UserError(f"data.crop={config.crop} must be above 0 and at most 1 (the whole shorter side)")
    indices = source.split(split)
    opted_out = "" if source.dataset.drawn else opt_out.read(config.opt_out).key
    digest = hashlib.sha256(f"{source.name} {split} {config.image_size} {config.crop} {len(indices)}\n".encode())
    digest.update(opted_out.encode())
    if (config.resize, config.filter) != (WHOLE.resize, WHOLE.filter):  # otherwise as in older keys
        digest.update(f"{config.resize} {config.filter}\n".encode())
    digest.update(json.dumps([attribute.to_json() for attribute in source.schema]).encode())
    for i in indices:
        text = f"{source.signature(i)}\n{json.dumps(source.fields(i))}\n"
        if config.resize == "landmarks" and (points := landmarks(source, i)) is not None:
            text += f"{points.tolist()}\n"
        digest.update(text.encode("utf-8", "backslashreplace"))  # a file's name may have bytes that are not UTF-8
    return digest.hexdigest()


def _build(
    source: Source, split: Split, indices: list[int], config: DataConfig, key: str, folder: pathlib.Path
) -> None:
    size = config.image_size
    if not indices:
        raise UserError(_empty(source, split))
    skipped = list(source.skipped) if split == "train" else []  # files without labels are in no split; list them once
    kept: list[int] = []
    with files.whole_folder(folder) as partial:
        shape = (len(indices), size, size, 3)
        pixels_NxSxSx3 = create_array(partial / "all.npy", np.uint8, shape)
        chunks = [indices[k : k + _CHUNK] for k in range(0, len(indices), _CHUNK)]
        with progress.Progress(f"reading {source.name} {split}", len(indices), unit="image") as bar:
            for images in reading.read(source, chunks, size, framing_of(config), opt_out.read(config.opt_out)):
                for i, image in images:
                    if isinstance(image, str):
                        skipped.append({"id": source.id(i), "why": image})
                    else:
                        pixels_NxSxSx3[len(kept)] = image
                        kept.append(i)
                forget_pages(pixels_NxSxSx3)
                bar.update(len(kept) + len(skipped))
        if not kept:
            raise UserError(
                f"{source.name}: the {split} split has no readable image; {len(indices)} were tried"
                f" (the last: {skipped[-1]['why']})"
            )
        if len(kept) < len(indices):  # an array without gaps for skipped files
            whole = create_array(partial / "images.npy", np.uint8, (len(kept), *shape[1:]))
            for k in range(0, len(kept), 1024):
                whole[k : k + 1024] = pixels_NxSxSx3[k : min(k + 1024, len(kept))]
            whole.flush()
            (partial / "all.npy").unlink()
        else:
            pixels_NxSxSx3.flush()
            os.replace(partial / "all.npy", partial / "images.npy")
        del pixels_NxSxSx3
        _write_lines(partial / "records.jsonl", ({"id": source.id(i), "fields": source.fields(i)} for i in kept))
        _write_lines(partial / "skipped.jsonl", ({"source": source.name, "split": split, **item} for item in skipped))
        files.write_json(partial / "meta.json", {"key": key, "source": source.name, "split": split, "count": len(kept)})
    if skipped:
        progress.say(
            f"{source.name} {split}: {len(skipped)} files skipped, the first {skipped[0]['id']} ({skipped[0]['why']});"
            f" all are in {folder.parent / 'skipped.jsonl'}"
        )


def _write_lines(path: pathlib.Path, records: Iterable[dict]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(files.json_line(record) for record in records)


def _list_skipped(cache_dir: pathlib.Path) -> None:
    parts = sorted(part for part in cache_dir.glob("*/skipped.jsonl") if not part.parent.name.startswith("."))
    files.write_bytes(cache_dir / "skipped.jsonl", b"".join(part.read_bytes() for part in parts))
