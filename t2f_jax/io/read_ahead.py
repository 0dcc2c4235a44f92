"""Makes the operating system read files sequentially into its cache before they are read at random positions."""

import contextlib
import os
import pathlib
import threading
from collections.abc import Sequence

import psutil

_CHUNK = 1 << 17  # bytes: of larger requests Linux reads only as much as the disk takes in one request


def read_ahead(paths: Sequence[pathlib.Path]) -> threading.Thread | None:
    """Starts a thread that requests the files; does nothing if they would take half of the free memory.

    A disk reads gigabytes a second sequentially, but only a few thousand random positions a second.
    """
    sizes = [path.stat().st_size for path in paths]
    if not hasattr(os, "posix_fadvise") or sum(sizes) > psutil.virtual_memory().available // 2:
        return None

    def ask() -> None:
        for path, size in zip(paths, sizes):
            with contextlib.suppress(OSError), path.open("rb") as file:
                for start in range(0, size, _CHUNK):
                    os.posix_fadvise(file.fileno(), start, _CHUNK, os.POSIX_FADV_WILLNEED)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread
