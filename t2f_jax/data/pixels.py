"""A dataset's pixels at one size, decoded or drawn once and kept as a memory map.

N images, S image side in pixels.
"""

import concurrent.futures
import dataclasses
import hashlib
import json
import multiprocessing
import os
import pathlib
import sys
from collections.abc import Iterable, Iterator

import numpy as np

from t2f_jax.config.schema import DataConfig
from t2f_jax.data.datasets.base import Source, Split
from t2f_jax.errors import UserError
from t2f_jax.io import files, progress
from t2f_jax.io.images import CorruptImage
from t2f_jax.tokens.attributes import Fields

_CHUNK = 64  # images of one unit of parallel work


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """One split of one source at one size.

    Attributes:
      images: uint8 [N, S, S, 3], a read-only memory map.
      fields: what is known of the N faces.
      ids: N names.
      name, split: of the source.
      key: fingerprint of all that decided the pixels.
      skipped: [{"id", "why"}] of what could not be read.
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


def read_images(source: Source, split: Split, config: DataConfig, cache_dir: pathlib.Path) -> ImageSet:
    """Every image of a split as one memory map; what an earlier call left in `cache_dir` is used if it is the same.

    Corrupt files are left out, counted, and listed in `cache_dir/skipped.jsonl`. What a killed call leaves is
    never used.

    Raises:
      UserError: `data.crop` outside (0, 1], or no readable image at all.
    """
    if not 0 < config.crop <= 1:
        raise UserError(f"data.crop={config.crop} must lie above 0 and at most at 1 (the whole shorter side)")
    indices = source.split(split)
    key = _key(source, split, indices, config)
    folder = pathlib.Path(cache_dir) / f"{source.name}-{split}-{config.image_size}-{key[:12]}"
    if not (folder / "images.npy").exists():
        _build(source, split, indices, config, key, folder)
        _list_skipped(pathlib.Path(cache_dir))
    kept = [json.loads(line) for line in (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()]
    skipped = [json.loads(line) for line in (folder / "skipped.jsonl").read_text(encoding="utf-8").splitlines()]
    return ImageSet(
        images=np.load(folder / "images.npy", mmap_mode="r"),
        fields=[record["fields"] for record in kept],
        ids=[record["id"] for record in kept],
        name=source.name,
        split=split,
        key=key,
        skipped=tuple(skipped),
    )


def _key(source: Source, split: Split, indices: list[int], config: DataConfig) -> str:
    digest = hashlib.sha256(f"{source.name} {split} {config.image_size} {config.crop} {len(indices)}\n".encode())
    digest.update(json.dumps([attribute.to_json() for attribute in source.schema]).encode())
    for i in indices:
        digest.update(f"{source.signature(i)}\n{json.dumps(source.fields(i))}\n".encode())
    return digest.hexdigest()


def _build(
    source: Source, split: Split, indices: list[int], config: DataConfig, key: str, folder: pathlib.Path
) -> None:
    size = config.image_size
    skipped = list(source.skipped) if split == "train" else []  # a file without labels is in no split; listed once
    kept: list[int] = []
    with files.whole_folder(folder) as partial:
        shape = (len(indices), size, size, 3)
        pixels_NxSxSx3 = np.lib.format.open_memmap(partial / "all.npy", mode="w+", dtype=np.uint8, shape=shape)
        chunks = [indices[k : k + _CHUNK] for k in range(0, len(indices), _CHUNK)]
        with progress.Progress(f"reading {source.name} {split}", len(indices), unit="image") as bar:
            for images in _parallel(source, chunks, size, config.crop):
                for i, image in images:
                    if isinstance(image, str):
                        skipped.append({"id": source.id(i), "why": image})
                    else:
                        pixels_NxSxSx3[len(kept)] = image
                        kept.append(i)
                bar.update(len(kept) + len(skipped))
        if not kept:
            raise UserError(f"{source.name}: the {split} split has no readable image; {len(skipped)} were tried")
        if len(kept) < len(indices):  # an array without the gaps of the skipped
            whole = np.lib.format.open_memmap(
                partial / "images.npy", mode="w+", dtype=np.uint8, shape=(len(kept), *shape[1:])
            )
            for k in range(0, len(kept), 1024):
                whole[k : k + 1024] = pixels_NxSxSx3[k : min(k + 1024, len(kept))]
            whole.flush()
            del pixels_NxSxSx3
            (partial / "all.npy").unlink()
        else:
            pixels_NxSxSx3.flush()
            os.replace(partial / "all.npy", partial / "images.npy")
        _write_lines(partial / "records.jsonl", ({"id": source.id(i), "fields": source.fields(i)} for i in kept))
        _write_lines(partial / "skipped.jsonl", ({"source": source.name, "split": split, **item} for item in skipped))
        files.write_json(partial / "meta.json", {"key": key, "source": source.name, "split": split, "count": len(kept)})
    if skipped:
        progress.say(
            f"{source.name} {split}: {len(skipped)} files skipped, the first {skipped[0]['id']} ({skipped[0]['why']});"
            f" all are in {folder.parent / 'skipped.jsonl'}"
        )


def _parallel(
    source: Source, chunks: list[list[int]], size: int, crop: float
) -> Iterator[list[tuple[int, np.ndarray | str]]]:
    """Chunks of indices -> chunks of (index, pixels or the reason why there are none), in order."""
    workers = max(1, min(os.cpu_count() or 1, 16))
    if not source.dataset.drawn:  # Pillow decodes without the interpreter's lock: threads are enough
        pool: concurrent.futures.Executor = concurrent.futures.ThreadPoolExecutor(workers)
    elif len(chunks) > 8 and workers > 1 and hasattr(sys.modules["__main__"], "__file__"):
        # Drawing is Python; fresh processes, because forking one in which JAX runs threads may hang.
        pool = concurrent.futures.ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    else:
        yield from (_read_chunk(source, chunk, size, crop) for chunk in chunks)
        return
    with pool:
        ahead: list[concurrent.futures.Future] = []  # bounded, so that decoded images do not pile up in memory
        try:
            for chunk in chunks:
                ahead.append(pool.submit(_read_chunk, source, chunk, size, crop))
                if len(ahead) > 2 * workers:
                    yield ahead.pop(0).result()
            while ahead:
                yield ahead.pop(0).result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _read_chunk(source: Source, indices: list[int], size: int, crop: float) -> list[tuple[int, np.ndarray | str]]:
    def read(i: int) -> np.ndarray | str:
        try:
            return source.image(i, size, crop)
        except CorruptImage as error:
            return str(error)

    return [(i, read(i)) for i in indices]


def _write_lines(path: pathlib.Path, records: Iterable[dict]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def _list_skipped(cache_dir: pathlib.Path) -> None:
    parts = sorted(cache_dir.glob("*/skipped.jsonl"))
    files.write_text(cache_dir / "skipped.jsonl", "".join(part.read_text(encoding="utf-8") for part in parts))
