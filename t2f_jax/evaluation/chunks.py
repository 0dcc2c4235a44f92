"""Work on many examples, one chunk at a time: shared by the processes of a job, stored on disk, resumable.

A chunk is a fixed number of consecutive examples, whatever the number of processes, so its results do not depend on
which process computes it. The first process writes the results of all:

DIR/<name>-<key>/00000128.npz    the arrays of the chunk that begins with example 128
"""

import dataclasses
import hashlib
import io
import pathlib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from t2f_jax.distributed import hosts
from t2f_jax.io import files
from t2f_jax.io.arrays import ChosenRows, create_array, open_array
from t2f_jax.io.progress import Progress

Arrays = dict[str, np.ndarray]  # each has the examples of a chunk as its first axis
Work = Callable[[range], Arrays]  # indices of consecutive examples -> their arrays


@dataclasses.dataclass(frozen=True)
class Chunks:
    """Results of N examples, stored on disk and read one chunk at a time.

    In a job of several processes only the first has them.
    """

    paths: tuple[pathlib.Path, ...]

    def __iter__(self) -> Iterator[Arrays]:
        """Yields the chunks in the order of the examples."""
        for path in self.paths:
            with np.load(path, allow_pickle=False) as arrays:
                yield dict(arrays)

    def names(self) -> list[str]:
        """The names of the arrays."""
        with np.load(self.paths[0], allow_pickle=False) as arrays:
            return list(arrays.files)

    def column(self, name: str) -> np.ndarray:
        """One array of all examples, [N, ...]."""
        return self.columns(name)[name]

    def texts(self, name: str) -> list[str]:
        """One array of texts of all examples, as a list: in an array each would take the space of the longest."""
        return [text for chunk in self for text in chunk[name].tolist()]

    def rows(self, name: str) -> ChosenRows:
        """One array of numbers of all examples, [N, ...], in a file beside the chunks from which slices are read."""
        path, start = self.paths[0].parent / f"{name}.npy", 0
        with np.load(self.paths[-1], allow_pickle=False) as arrays:
            last = arrays[name]
        n = int(self.paths[-1].stem) + len(last)
        whole = create_array(path, last.dtype, (n, *last.shape[1:]))
        for chunk in self:
            whole[start : start + len(chunk[name])] = chunk[name]
            start += len(chunk[name])
        whole.flush()
        del whole
        return ChosenRows(open_array(path, last.dtype, last.ndim), np.arange(n))

    def columns(self, *names: str) -> Arrays:
        """Some arrays of all examples, each [N, ...]."""
        parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for path in self.paths:
            with np.load(path, allow_pickle=False) as arrays:  # reads only the requested arrays
                for name, found in parts.items():
                    found.append(arrays[name])
        return {name: np.concatenate(found) for name, found in parts.items()}


@dataclasses.dataclass(frozen=True)
class Desk:
    """The working folder of an evaluation.

    Attributes:
      folder: chunks are kept there; may be deleted when the evaluation is done.
      batch_size: examples of a chunk.
      key: what determines all results here, such as the model's hash; plain JSON.
    """

    folder: pathlib.Path
    batch_size: int = 64
    key: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def run(self, name: str, key: Mapping[str, Any], n: int, work: Work, label: str = "") -> Chunks:
        """`work` on n examples. Every process of a job must call this, with the same arguments.

        Chunks that an earlier call has stored for the same `name`, `key`, n and size are not computed again.

        Args:
          name: of the folder.
          key: what determines the results besides the desk's own key, such as the sampler; plain JSON.
          label: of the progress bar, over faces; `name` if not given.
        """
        folder = self.path(name, {**key, "n": n, "size": self.batch_size})
        paths = tuple(folder / f"{start:08}.npz" for start in range(0, n, self.batch_size))
        missing = [i for i, path in enumerate(paths) if not _whole(path)]
        missing = files.parse_json(hosts.gather(files.to_json(missing).encode(), f"{name}: what is missing")[0])
        left = sum(len(self._examples(number, n)) for number in missing)
        with Progress(label or name, n, n - left, "face", not hosts.first()) as bar:
            for turn in _turns(missing):
                ours = None if turn.ours is None else self._examples(turn.ours, n)
                data = b"" if ours is None else _to_bytes(work(ours))
                for number, done in zip(turn.numbers, hosts.gather(data, f"{name} {turn.numbers[0]}")):
                    if hosts.first():
                        files.write_bytes(paths[number], done)
                    bar.advance(len(self._examples(number, n)))
        return Chunks(paths)

    def shared(self, chunks: Chunks, name: str) -> np.ndarray:
        """One array of all examples, [N, ...], in every process; each must call this."""
        data = _to_bytes({name: chunks.column(name)}) if hosts.first() else b""
        with np.load(io.BytesIO(hosts.gather(data, f"{name} of all")[0]), allow_pickle=False) as arrays:
            return arrays[name]

    def path(self, name: str, key: Mapping[str, Any]) -> pathlib.Path:
        """The folder of the work with this name, `key` and the desk's own key."""
        identity = files.to_json({"key": {**self.key}, "of": {**key}})
        return self.folder / f"{name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"

    def _examples(self, number: int, n: int) -> range:
        return range(number * self.batch_size, min((number + 1) * self.batch_size, n))


@dataclasses.dataclass(frozen=True)
class _Turn:
    """The chunks that the processes compute at the same time, and which of them is this process's."""

    numbers: list[int]
    ours: int | None


def _turns(missing: list[int]) -> Iterator[_Turn]:
    count, process = jax.process_count(), jax.process_index()
    for start in range(0, len(missing), count):
        numbers = missing[start : start + count]
        yield _Turn(numbers, numbers[process] if process < len(numbers) else None)


def _to_bytes(arrays: Arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]  # its other arguments have other types
    return file.getvalue()


def _whole(path: pathlib.Path) -> bool:
    """Whether a chunk exists and can be read: it may be truncated."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return bool(arrays.files)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return False
