"""Batches that come from another process through memory that both share, for a pipe copies each several times.

The memory has a slot for each batch that is on its way: a process writes into the slot that it was given, the other one
copies the batch out, and gives the slot to the next. What does not fit goes through the pipe.
"""

import contextlib
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from multiprocessing.shared_memory import SharedMemory
from typing import Any, NamedTuple

import numpy as np

_ALIGNED = 64  # bytes: where an array may begin
_MOUNTED = pathlib.Path("/dev/shm")  # where Linux keeps it; a container may have little
_USED = 0.5  # of what is free there, at most


class Slot(NamedTuple):
    """A part of the memory: from byte `start` up to `end`."""

    start: int
    end: int


class Place(NamedTuple):
    """Where an array stands in the memory."""

    start: int
    dtype: np.dtype
    shape: tuple[int, ...]


@contextlib.contextmanager
def slots(like: Mapping[str, Any], count: int) -> Iterator[tuple[SharedMemory | None, list[Slot]]]:
    """The memory, and `count` slots of it with room for such a batch each; slots of nothing where there is no memory.

    It is given back at the end, even where a process that uses it is killed.
    """
    size = sum(map(_size, like.values()))
    memory = _memory(size * count)
    if memory is None:
        yield None, [Slot(0, 0)] * count
        return
    try:
        yield memory, [Slot(k * size, (k + 1) * size) for k in range(count)]
    finally:
        memory.close()
        memory.unlink()


def _memory(size: int) -> SharedMemory | None:
    try:
        if not size or (_MOUNTED.is_dir() and size > _USED * shutil.disk_usage(_MOUNTED).free):
            return None  # a page that no memory is left for ends the process that writes it by a signal (SIGBUS)
        memory = SharedMemory(create=True, size=size)
    except OSError:
        return None
    np.ndarray(size, np.uint8, memory.buf)[:] = 0  # takes the memory now, while it is there
    return memory


def opened(name: str | None) -> SharedMemory | None:
    """The memory in another process; none if there is none, or none any more."""
    try:
        return SharedMemory(name) if name else None
    except FileNotFoundError:
        return None


def _size(values: Any) -> int:
    return -(-values.nbytes // _ALIGNED) * _ALIGNED if _fixed(values) else 0


def _fixed(values: Any) -> bool:
    return isinstance(values, np.ndarray) and not values.dtype.hasobject


def put(memory: SharedMemory | None, slot: Slot, batch: Mapping[str, Any]) -> dict[str, Any]:
    """Writes the arrays of a batch into a slot -> what the pipe carries: their places, and the rest as it is."""
    sent, start = dict(batch), slot.start
    for name, values in batch.items():
        if memory is not None and _fixed(values) and start + values.nbytes <= slot.end:
            sent[name] = place = Place(start, values.dtype, values.shape)
            _array(memory, place)[...] = values
            start += _size(values)
    return sent


def take(memory: SharedMemory | None, sent: Mapping[str, Any]) -> dict[str, Any]:
    """The batch that was put; its arrays are copies, and the slot is free."""
    return {
        name: _array(memory, each).copy() if memory is not None and isinstance(each, Place) else each
        for name, each in sent.items()
    }


def _array(memory: SharedMemory, place: Place) -> np.ndarray:
    return np.ndarray(place.shape, place.dtype, memory.buf, place.start)
