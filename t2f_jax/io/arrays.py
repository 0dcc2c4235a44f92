"""Large arrays as memory-mapped .npy files: their disk space is allocated before writing, and checked when reading."""

import errno
import mmap
import os
import pathlib
import weakref
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from t2f_jax.errors import UserError

_CHUNK = 1 << 20  # bytes
_NOT_SUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}


def create_array(path: pathlib.Path, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> np.memmap:
    """A new file of zeros as a memory map; its disk space is allocated immediately.

    A mapped file may be sparse. If a hole is written when the disk is full, the system ends the process by a signal
    (SIGBUS), which no `except` catches. With this function a full disk is an OSError, before any work.

    Raises:
      OSError: the disk has no room for the array.
    """
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    size = path.stat().st_size
    with path.open("r+b") as file:
        if hasattr(os, "posix_fallocate"):  # not on macOS and Windows
            try:
                os.posix_fallocate(file.fileno(), 0, size)
                return array
            except OSError as error:
                if error.errno not in _NOT_SUPPORTED:
                    raise
        file.seek(array.offset)
        for start in range(array.offset, size, _CHUNK):
            file.write(bytes(min(_CHUNK, size - start)))
        file.flush()
        os.fsync(file.fileno())
    return array


def open_array(path: pathlib.Path, dtype: npt.DTypeLike, ndim: int) -> np.memmap:
    """An array file as a read-only memory map.

    Raises:
      UserError: no such file, a truncated or broken one, or an array of another type or number of axes.
    """
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # NumPy parses the header as Python, so a broken one may raise anything
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise UserError(f"{path}: not a whole array ({reason})") from error
    if array.dtype != dtype or array.ndim != ndim:
        raise UserError(f"{path}: {array.dtype} {array.shape} instead of {np.dtype(dtype)} with {ndim} axes")
    return array


def forget_pages(array: np.memmap) -> None:
    """Releases the memory of a mapped array; its contents stay in the file and can be read again."""
    mapped = array._mmap  # type: ignore[attr-defined]
    if hasattr(mapped, "madvise") and hasattr(mmap, "MADV_DONTNEED"):  # Linux
        mapped.madvise(mmap.MADV_DONTNEED)


def row_reader(array: np.ndarray) -> Callable[[int, int], np.ndarray]:
    """-> (i, j) -> array[i, j] of an array [I, J, n].

    For a mapped array it reads the file, because every accessed page of a mapping counts as the process's memory.
    """
    if not isinstance(array, np.memmap) or not array.flags.c_contiguous:
        return lambda i, j: array[i, j]
    file = os.open(str(array.filename), os.O_RDONLY)
    columns, size, dtype, start = array.shape[1], array.strides[1], array.dtype, array.offset

    def read(i: int, j: int) -> np.ndarray:
        return np.frombuffer(os.pread(file, size, start + (i * columns + j) * size), dtype)

    weakref.finalize(read, os.close, file)
    return read


class ChosenRows:
    """Some rows of an array [N, ...], in the order of `rows`; slices are read as [n, ...].

    For a mapped array the file is read, as by `row_reader`, so memory does not grow with the number of rows read.
    """

    def __init__(self, array: np.ndarray, rows: np.ndarray):
        self.rows, self.shape = np.asarray(rows), (len(rows), *array.shape[1:])
        flat = array.reshape(1, len(array), -1)
        self._row, self._dtype = row_reader(flat), array.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: slice | range | np.ndarray) -> np.ndarray:
        """The chosen rows, as a new array."""
        places = self.rows[np.asarray(chosen) if isinstance(chosen, range) else chosen]
        out = np.empty((len(places), *self.shape[1:]), self._dtype)
        for i, place in enumerate(places):
            out[i] = self._row(0, int(place)).reshape(self.shape[1:])
        return out
