"""An index of the faces of a dataset prepared by TFDS, in the order of their names, on this machine's disk.

TFDS shuffles examples, and an example must be parsed completely to get its name: that is done once (`kept`). Later
openings read only the starts of the index's lines.

    faces.jsonl, faces.npy   one line per face: {"id", "row", "size", "fields"}, and "landmarks" if they are known; size
                             in bytes of its image file
    splits.npy               uint8 [N]: the number of each face's split in `SPLITS`
"""

import hashlib
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from t2f_jax.data.datasets.base import SPLITS, Split
from t2f_jax.data.records import INDEX, Records, write_index
from t2f_jax.errors import UserError
from t2f_jax.io import cache, files, locks
from t2f_jax.io.arrays import open_array
from t2f_jax.io.progress import Progress

_FORMAT = 1  # if changed, all indices are made again
_LINES = "faces.jsonl"


class Index:
    """The faces of a prepared dataset, by the order of their names.

    Attributes:
      faces: one record per face, read and parsed when accessed.
      splits: {split: its faces' numbers, ascending}.

    Args:
      folder: of the prepared dataset.
      counts: {split: number of its examples}.
      read: (split, row) -> the record of an example.
    """

    def __init__(self, folder: pathlib.Path, counts: Mapping[Split, int], read: Callable[[Split, int], dict[str, Any]]):
        place = kept(folder, lambda partial: _write(partial, counts, read))
        self.faces = Records(place / _LINES)
        self._splits_N = np.asarray(open_array(place / "splits.npy", np.uint8, 1))
        self.splits: dict[Split, list[int]] = {
            split: np.flatnonzero(self._splits_N == number).tolist() for number, split in enumerate(SPLITS)
        }

    def split_of(self, i: int) -> Split:
        """The split of face i."""
        return SPLITS[self._splits_N[i]]


def kept(folder: pathlib.Path, make: Callable[[pathlib.Path], None], what: str = "") -> pathlib.Path:
    """A folder in `io.cache.folder("prepared")`, made once per machine from the files of a prepared dataset.

    Args:
      make: fills an empty folder, if there is none yet for these files.
      what: distinguishes folders made from the same files.

    Raises:
      UserError: there is no folder to write in.
    """
    root = next(filter(cache.is_usable, (cache.folder("prepared"), cache.temporary() / "prepared")), None)
    if root is None:
        raise UserError(f"{cache.folder('prepared')}: no folder to write in; set T2F_CACHE to one")
    place = root / _fingerprint(folder, what)
    with locks.one_at_a_time(root / locks.LOCK):
        if not place.is_dir():
            with files.whole_folder(place) as partial:
                make(partial)
    return place


def _fingerprint(folder: pathlib.Path, what: str) -> str:
    """A hash of the prepared files' names, sizes and times, and of `what` is made from them."""
    digest = hashlib.sha256(f"{_FORMAT} {what}{folder.absolute()}\n".encode("utf-8", "surrogateescape"))
    for path in sorted(folder.iterdir()):
        about = path.stat()
        digest.update(f"{path.name} {about.st_size} {about.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:24]


def _write(folder: pathlib.Path, counts: Mapping[Split, int], read: Callable[[Split, int], dict[str, Any]]) -> None:
    """Writes lines in TFDS's order, then sorts them by name; only the names of all faces are held in memory."""
    shuffled = folder / "shuffled.jsonl"
    names, splits = [], []
    with shuffled.open("wb") as file, Progress("reading what TFDS prepared", sum(counts.values())) as bar:
        for number, record in _records(counts, read):
            file.write(files.json_line(record).encode("utf-8", "surrogateescape"))
            names.append(record["id"])
            splits.append(number)
            bar.advance(1)
    order = sorted(range(len(names)), key=names.__getitem__)
    write_index(shuffled)
    starts = np.load(shuffled.with_suffix(INDEX))
    with shuffled.open("rb") as source, (folder / _LINES).open("wb") as file:
        for i in order:
            source.seek(starts[i])
            file.write(source.read(starts[i + 1] - starts[i]))
    write_index(folder / _LINES)
    shuffled.unlink()
    shuffled.with_suffix(INDEX).unlink()
    np.save(folder / "splits.npy", np.array(splits, np.uint8)[order])


def _records(
    counts: Mapping[Split, int], read: Callable[[Split, int], dict[str, Any]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    for split, count in counts.items():
        for row in range(count):
            yield SPLITS.index(split), read(split, row)
