"""Seconds and peak memory of a piece of work."""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterator

import psutil

SAMPLE_EVERY = 0.25  # seconds between two samples of the memory


@dataclasses.dataclass
class Usage:
    """Time and memory of a piece of work so far; the memory is that of this process and its children together."""

    seconds: float = 0.0
    peak_memory_bytes: int = 0


@contextlib.contextmanager
def measure_usage() -> Iterator[Usage]:
    """Fills in the yielded `Usage` while the block runs; it is complete after the block."""
    process, usage, stop = psutil.Process(), Usage(), threading.Event()
    start = time.monotonic()

    def sample() -> None:
        total = 0
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += one.memory_info().rss
        usage.peak_memory_bytes = max(usage.peak_memory_bytes, total)
        usage.seconds = time.monotonic() - start

    def watch() -> None:
        while not stop.wait(SAMPLE_EVERY):
            sample()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield usage
    finally:
        stop.set()
        thread.join()
        sample()
