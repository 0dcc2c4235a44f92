"""Batches made by several processes at once, in order, for Python writes them in one thread of a process only."""

import collections
import concurrent.futures
import gc
import multiprocessing
import multiprocessing.process
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import numpy as np

from t2f_jax.errors import UserError

_AHEAD = 2  # batches that each process keeps ready, or has at work

B = TypeVar("B", bound=Mapping[str, Any])  # a batch: arrays by name
_made_by: list[Callable[[int], Any]] = []  # in a worker: what makes its batches


def through_processes(make: Callable[[int], B], start: int, stop: int, workers: int) -> Iterator[B]:
    """make(start), make(start + 1), ... up to `stop`, made by `workers` processes that stay ahead.

    The first batch is made here and now, so that a mistake shows where the batches are asked for; an exception in a
    process is raised again, as itself, by the iterator. The processes end with the iterator, or with this process.

    Args:
      make: is pickled and sent to each process.

    Raises:
      UserError: by the iterator: a process was ended from outside.
    """
    if start >= stop:
        return iter(())
    return _rest(make, start, stop, make(start), workers)


def _rest(make: Callable[[int], B], start: int, stop: int, first: B, workers: int) -> Iterator[B]:
    spawn = multiprocessing.get_context("spawn")  # forking a process in which JAX runs threads may hang
    pool = concurrent.futures.ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin, initargs=(make,))
    ahead: collections.deque[concurrent.futures.Future[Any]] = collections.deque()
    try:
        steps = iter(range(start + 1, stop))
        for step in steps:
            ahead.append(pool.submit(_run, step))
            if len(ahead) == workers * _AHEAD:
                break
        yield first
        while ahead:
            batch = _widened(ahead.popleft().result())
            for step in steps:
                ahead.append(pool.submit(_run, step))
                break
            yield batch
    except BrokenProcessPool as error:
        raise UserError(
            f"one of {workers} processes that write batches was ended from outside, perhaps for lack of memory; start"
            " the run again, which goes on from its last checkpoint, with fewer decoder.workers"
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(make: Callable[[int], Any]) -> None:
    """Prepares a worker: a signal to all processes of a group is for the first one, with which this one ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _made_by.append(make)
    gc.freeze()
    gc.set_threshold(10**6)  # batches hold no circles, and looking for some takes a fourteenth of the time


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """Waits for the end of the parent, even by SIGKILL, and ends this process."""
    parent.join()
    os._exit(1)


def _run(step: int) -> dict[str, tuple[Any, Any]]:
    return _narrowed(_made_by[0](step))


def _narrowed(batch: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """{name: (its values, dtype)}: whole numbers in as few bytes as hold them, for a pipe copies each several times."""
    return {name: (_smallest(values), getattr(values, "dtype", None)) for name, values in batch.items()}


def _smallest(values: Any) -> Any:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iu" or not values.size or values.min() < 0:
        return values
    return values.astype(np.min_scalar_type(values.max()), copy=False)


def _widened(batch: Mapping[str, tuple[Any, Any]]) -> Any:
    """What `_narrowed` was given."""
    return {
        name: values if dtype is None else values.astype(dtype, copy=False) for name, (values, dtype) in batch.items()
    }
