"""Decodes or draws faces ahead, in order, by threads or processes; unreadable ones are reported and do not stop it."""

import concurrent.futures
import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import numpy as np

from t2f_jax.data.datasets.base import FileSource, Source
from t2f_jax.data.opt_out import OptOut
from t2f_jax.errors import UserError, is_machines_fault
from t2f_jax.io.framing import WHOLE, Framing

Read = list[tuple[int, np.ndarray | str]]  # (index, pixels uint8 [S, S, 3] or the reason for their absence)


def read(
    source: Source,
    chunks: Sequence[Sequence[int]],
    size: int,
    framing: Framing = WHOLE,
    opted_out: OptOut | None = None,
) -> Iterator[Read]:
    """Chunks of indices -> chunks of faces, in order; a few chunks are read ahead.

    Args:
      opted_out: pictures that must not be read; drawn faces are not checked.

    Raises:
      OSError: too many open files, or a disk that is gone: not caused by a file.
    """
    opted_out = opted_out or OptOut()
    workers = max(1, min(os.cpu_count() or 1, 16))
    if not source.dataset.drawn:  # Pillow decodes without the global interpreter lock: threads are enough
        pool: concurrent.futures.Executor = concurrent.futures.ThreadPoolExecutor(workers)
    elif len(chunks) > 8 and workers > 1 and hasattr(sys.modules["__main__"], "__file__"):
        # Drawing is Python code; new processes, because forking one in which JAX runs threads may hang.
        pool = concurrent.futures.ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    else:
        yield from (_read_chunk(source, chunk, size, framing, opted_out) for chunk in chunks)
        return
    ahead: list[concurrent.futures.Future] = []  # bounded, so that decoded images do not pile up in memory
    try:
        for chunk in chunks:
            ahead.append(pool.submit(_read_chunk, source, chunk, size, framing, opted_out))
            if len(ahead) > 2 * workers:
                yield ahead.pop(0).result()
        while ahead:
            yield ahead.pop(0).result()
    finally:  # processes would outlive this one; a thread ends with it, even one that waits forever for a disk
        pool.shutdown(wait=not isinstance(pool, concurrent.futures.ThreadPoolExecutor), cancel_futures=True)


def _read_chunk(source: Source, indices: Iterable[int], size: int, framing: Framing, opted_out: OptOut) -> Read:
    def face(i: int) -> np.ndarray | str:
        try:
            return _face(source, i, size, framing, opted_out)
        except UserError as error:
            return str(error)
        except Exception as error:  # any error that a library raises for a broken file
            if source.dataset.drawn or is_machines_fault(error):
                raise
            return f"{source.id(i)}: not a readable image ({type(error).__name__}: {error})"

    return [(i, face(i)) for i in indices]


def _face(source: Source, i: int, size: int, framing: Framing, opted_out: OptOut) -> np.ndarray:
    if source.dataset.drawn or not opted_out.key:
        return source.image(i, size, framing)
    files = cast(FileSource, source)
    opted_out.check_file(lambda: getattr(files, "whole_file", files.original)(i))  # a file may have several faces
    image = source.image(i, size, framing)
    opted_out.check_picture(image if framing == WHOLE else source.image(i, size))
    return image
