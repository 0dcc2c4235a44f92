"""Batches made in order by several processes, because Python code uses only one core per process."""

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
from multiprocessing.shared_memory import SharedMemory
from typing import Any, TypeVar

from t2f_jax.data import shared_batches
from t2f_jax.data.shared_batches import Slot
from t2f_jax.errors import UserError

_AHEAD = 2  # batches that each process has ready or is making

B = TypeVar("B", bound=Mapping[str, Any])  # a batch: arrays by name
# In a worker: the function that makes its batches, and the memory for them.
_made_by: list[tuple[Callable[[int], Any], SharedMemory | None]] = []


def through_processes(make: Callable[[int], B], start: int, stop: int, workers: int) -> Iterator[B]:
    """make(start), make(start + 1), ... up to `stop`, made by `workers` processes that stay ahead.

    The first batch is made immediately, so that an error is raised in this call; the iterator raises later exceptions
    of a process unchanged. The processes end with the iterator, or with this process.

    Args:
      make: is pickled and sent to each process.

    Raises:
      UserError: by the iterator: a process was killed.
    """
    if start >= stop:
        return iter(())
    return _rest(make, start, stop, make(start), workers)


def _rest(make: Callable[[int], B], start: int, stop: int, first: B, workers: int) -> Iterator[Any]:
    spawn = multiprocessing.get_context("spawn")  # forking a process in which JAX runs threads may hang
    with shared_batches.slots(first, workers * _AHEAD) as (memory, slots):
        given = make, memory and memory.name
        pool = concurrent.futures.ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin, initargs=given)
        try:
            steps = iter(range(start + 1, stop))
            ahead = collections.deque((pool.submit(_run, step, slot), slot) for slot, step in zip(slots, steps))
            yield first
            while ahead:
                made, slot = ahead.popleft()
                batch = shared_batches.take(memory, made.result())
                for step in steps:
                    ahead.append((pool.submit(_run, step, slot), slot))
                    break
                yield batch
        except BrokenProcessPool as error:
            raise UserError(
                f"one of {workers} processes that write batches was killed, perhaps for lack of memory; start the run"
                " again with fewer decoder.workers: it resumes from its last checkpoint"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(make: Callable[[int], Any], memory: str | None) -> None:
    """Prepares a worker: it ignores signals to the process group and ends with the main process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _made_by.append((make, shared_batches.opened(memory)))
    gc.freeze()
    gc.set_threshold(10**6)  # batches have no reference cycles, and searching for them takes a fourteenth of the time


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """Waits until the parent ends, also by SIGKILL, and ends this process."""
    parent.join()
    os._exit(1)


def _run(step: int, slot: Slot) -> dict[str, Any]:
    make, memory = _made_by[0]
    return shared_batches.put(memory, slot, make(step))
