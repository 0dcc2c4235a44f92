"""Batches from another process through shared memory, because a pipe copies each several times.

The memory has a slot for each batch in transfer: a process writes into its given slot, the other one copies the batch
out and gives the slot to the next. Batches that do not fit go through the pipe.
"""

import contextlib
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from multiprocessing.shared_memory import SharedMemory
from typing import Any, NamedTuple

import numpy as np

_ALIGNED = 64  # bytes: arrays start at multiples of this
_MOUNTED = pathlib.Path("/dev/shm")  # where Linux has shared memory; containers may have little
_USED = 0.5  # largest share of the free shared memory to use


class Slot(NamedTuple):
    """A part of the memory: from byte `start` to `end` (exclusive)."""

    start: int
    end: int


class Place(NamedTuple):
    """The place of an array in the memory."""

    start: int
    dtype: np.dtype
    shape: tuple[int, ...]


@contextlib.contextmanager
def slots(like: Mapping[str, Any], count: int) -> Iterator[tuple[SharedMemory | None, list[Slot]]]:
    """The memory, and `count` slots of it with room for such a batch each; empty slots if there is no memory.

    It is freed at the end, even if a process that uses it is killed.
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
            return None  # if memory runs out, writing a page ends the process by a signal (SIGBUS)
        memory = SharedMemory(create=True, size=size)
    except OSError:
        return None
    np.ndarray(size, np.uint8, memory.buf)[:] = 0  # allocates the memory now, while it is free
    return memory


def opened(name: str | None) -> SharedMemory | None:
    """Opens the memory in another process; None if there is none, or no longer."""
    try:
        return SharedMemory(name) if name else None
    except FileNotFoundError:
        return None


def _size(values: Any) -> int:
    return -(-values.nbytes // _ALIGNED) * _ALIGNED if _fixed(values) else 0


def _fixed(values: Any) -> bool:
    return isinstance(values, np.ndarray) and not values.dtype.hasobject


def put(memory: SharedMemory | None, slot: Slot, batch: Mapping[str, Any]) -> dict[str, Any]:
    """Writes a batch's arrays into a slot. Returns what to send through the pipe: their places, and the rest as is."""
    sent, start = dict(batch), slot.start
    for name, values in batch.items():
        if memory is not None and _fixed(values) and start + values.nbytes <= slot.end:
            sent[name] = place = Place(start, values.dtype, values.shape)
            _array(memory, place)[...] = values
            start += _size(values)
    return sent


def take(memory: SharedMemory | None, sent: Mapping[str, Any]) -> dict[str, Any]:
    """The batch that was put; its arrays are copies, so the slot is free."""
    return {
        name: _array(memory, each).copy() if memory is not None and isinstance(each, Place) else each
        for name, each in sent.items()
    }


def _array(memory: SharedMemory, place: Place) -> np.ndarray:
    return np.ndarray(place.shape, place.dtype, memory.buf, place.start)
