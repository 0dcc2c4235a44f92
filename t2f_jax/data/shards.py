"""The faces of a split, encoded in shards: each is made by one process, and is complete or absent.

FOLDER/00000/codes.npy      uint16 [N, views, n] of its N readable faces, as in a store's part
FOLDER/00000/hashes.npy     uint64 [N, 4]: perceptual hashes of the pictures, see `duplicates`
FOLDER/00000/examples.npy   uint8 [E, S, S, 3]: the pixels of a few
FOLDER/00000/records.jsonl  one line per face: {"id", "fields"}
FOLDER/00000/skipped.jsonl  one line per left-out face: {"id", "why"}
FOLDER/00000/meta.json      the key of the settings that it was encoded with

B images of a batch, S image side, n codes per image.
"""

import dataclasses
import itertools
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from t2f_jax.config.schema import DataConfig
from t2f_jax.data import augment, duplicates, opt_out, reading
from t2f_jax.data.datasets.base import Source, Split
from t2f_jax.data.pixels import ImageSet, framing_of
from t2f_jax.errors import UserError
from t2f_jax.io import files
from t2f_jax.io.progress import Progress

SIZE = 1024  # faces of a shard, times views; independent of the number of processes, and so is the store
EXAMPLES = 12  # faces of a split whose pixels are kept for display

Encode = Callable[[np.ndarray], np.ndarray]  # uint8 [B, S, S, 3] -> codes, integers [B, n] in 0..65535


def _nothing(_: str) -> None:
    pass


@dataclasses.dataclass(frozen=True)
class Job:
    """The processes that share the work; by default only this one.

    Attributes:
      process, processes: this process's number, and the number of processes.
      wait: a barrier: returns once all processes have called it; its argument names the barrier.
      send: called with a path in the store that this process has made for the first one.
      fetch: called by the first process with a path that another one has sent.
    """

    process: int = 0
    processes: int = 1
    wait: Callable[[str], object] = _nothing
    send: Callable[[str], object] = _nothing
    fetch: Callable[[str], object] = _nothing


@dataclasses.dataclass(frozen=True)
class Work:
    """One split of one source to encode.

    Attributes:
      key, pixels: hashes of everything that determines its codes, and its pixels (`pixels.pixels_key`).
      views: of each face.
      batch: images encoded at once.
    """

    source: Source
    split: Split
    data: DataConfig
    key: str
    pixels: str
    views: int
    batch: int

    @property
    def name(self) -> str:
        """Name of its folder, in a store and among the shards."""
        return f"{self.source.name}/{self.split}"

    def shards(self) -> list[range]:
        """The indices of each shard's faces in the split."""
        total, size = len(self.source.split(self.split)), max(self.batch, SIZE // self.views)
        return [range(start, min(start + size, total)) for start in range(0, total, size)]


def encode(
    work: Work, folder: pathlib.Path, numbers: Sequence[int], encoder: Encode, pixels: ImageSet | None
) -> Iterator[int]:
    """Writes the shards of these `numbers` into `folder`, except existing ones; yields each number once it exists.

    Args:
      pixels: of the split, if available; otherwise its images are read.

    Raises:
      ValueError: codes that need more than 16 bits.
      OSError: too many open files, or a disk that is gone.
    """
    every = work.shards()
    missing = [number for number in numbers if not is_whole(folder / shard_name(number), work)]
    indices = work.source.split(work.split)
    chunks = {k: [every[k][i : i + work.batch] for i in range(0, len(every[k]), work.batch)] for k in missing}
    wanted = [[indices[place] for place in chunk] for k in missing for chunk in chunks[k]]
    read = _kept(work.source, wanted, pixels) if pixels else _read(work, wanted)
    total = sum(len(every[k]) for k in missing) * work.views
    timed = _Timed(encoder)
    yield from (number for number in numbers if number not in missing)
    with Progress(f"encoding {work.source.name} {work.split}", total, unit="image") as bar:
        for k in missing:
            _write_shard(work, folder / shard_name(k), every[k], itertools.islice(read, len(chunks[k])), timed, bar)
            yield k


class _Timed:
    """An `Encode` that measures its share of the time: the rest is waiting for reading, which runs in parallel."""

    def __init__(self, encoder: Encode):
        self._encoder, self._began, self._spent = encoder, time.monotonic(), 0.0

    def __call__(self, images_BxSxSx3: np.ndarray) -> np.ndarray:
        start = time.monotonic()
        codes_Bxn = np.asarray(self._encoder(images_BxSxSx3))
        self._spent += time.monotonic() - start
        return codes_Bxn

    def __str__(self) -> str:
        return f"{self._spent / max(1e-9, time.monotonic() - self._began):.0%} of the time encodes"


def shard_name(number: int) -> str:
    """Name of a shard's folder."""
    return f"{number:05d}"


def is_whole(folder: pathlib.Path, work: Work) -> bool:
    """Whether a shard exists, complete and with these settings."""
    try:
        return files.read_json(folder / "meta.json", "the shard's description").get("key") == _shard_key(work)
    except (UserError, AttributeError):
        return False


def _shard_key(work: Work) -> str:
    return f"{work.key} {SIZE} {work.batch}"


def _read(work: Work, chunks: Sequence[Sequence[int]]) -> Iterator[reading.Read]:
    data = work.data
    return reading.read(work.source, chunks, data.image_size, framing_of(data), opt_out.read(data.opt_out))


def _kept(source: Source, chunks: Sequence[Sequence[int]], pixels: ImageSet) -> Iterator[reading.Read]:
    """As `reading.read`, but from pixels that were read before."""
    rows = {name: row for row, name in enumerate(pixels.ids)}
    why = {item["id"]: item["why"] for item in pixels.skipped}
    for chunk in chunks:
        names = [(i, source.id(i)) for i in chunk]
        yield [(i, pixels.images[rows[name]] if name in rows else why[name]) for i, name in names]


def _write_shard(
    work: Work, folder: pathlib.Path, places: range, read: Iterator[reading.Read], encoder: "_Timed", bar: Progress
) -> None:
    source, total = work.source, len(work.source.split(work.split))
    shown = {k * total // EXAMPLES for k in range(EXAMPLES)}  # indices in the split
    codes, hashes, examples, records, skipped = [], [], [], [], []
    place = places.start
    for chunk in read:
        faces: list[tuple[int, np.ndarray]] = []
        for i, image in chunk:
            if isinstance(image, str):
                skipped.append({"id": source.id(i), "why": image})
            else:
                if place in shown:
                    examples.append((len(records), image))
                faces.append((place, image))
                records.append({"id": source.id(i), "fields": source.fields(i)})
            place += 1
        if faces:
            codes.append(_encode(work, faces, encoder))
            hashes.append(duplicates.hashes(np.stack([image for _, image in faces])))
        bar.advance(len(chunk) * work.views, str(encoder))
    side = work.data.image_size
    with files.whole_folder(folder) as partial:
        np.save(partial / "codes.npy", _joined(codes, (0, work.views, 0), np.uint16))
        np.save(partial / "hashes.npy", _joined(hashes, (0, 4), np.uint64))
        pixels = [np.asarray(image)[None] for _, image in examples]
        np.save(partial / "examples.npy", _joined(pixels, (0, side, side, 3), np.uint8))
        write_lines(partial / "records.jsonl", records)
        write_lines(partial / "skipped.jsonl", skipped)
        meta = {"key": _shard_key(work), "examples": [row for row, _ in examples]}
        files.write_json(partial / "meta.json", meta)


def _joined(arrays: Sequence[np.ndarray], empty: tuple[int, ...], dtype: type) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.zeros(empty, dtype)


def _encode(work: Work, faces: Sequence[tuple[int, np.ndarray]], encoder: Encode) -> np.ndarray:
    """-> uint16 [B, views, n]. Batches are padded by repeating the last face: `encoder` is compiled for one shape."""
    filled = [faces[min(b, len(faces) - 1)] for b in range(work.batch)]
    data, views = work.data, []
    for v in range(work.views):
        seen = [augment.view(image, data.seed, place, v, data.flip, data.jitter) for place, image in filled]
        codes_Bxn = encoder(np.stack(seen))[: len(faces)]
        if codes_Bxn.min() < 0 or codes_Bxn.max() > np.iinfo(np.uint16).max:
            raise ValueError(f"codes must fit 16 bits, got {codes_Bxn.min()}..{codes_Bxn.max()}")
        views.append(codes_Bxn.astype(np.uint16))
    return np.stack(views, axis=1)


def write_lines(path: pathlib.Path, records: Sequence[object]) -> None:
    """Writes records as lines of JSON."""
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(files.json_line(record) for record in records)
