"""Seconds and peak memory of a piece of work."""

import contextlib
import threading
import time
from collections.abc import Iterator


@contextlib.contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Fills in `seconds` and `peak_memory_bytes` (of this process and its children together) while the block runs."""
    import psutil

    me, told, stop = psutil.Process(), {"seconds": 0.0, "peak_memory_bytes": 0.0}, threading.Event()
    start = time.monotonic()

    def sample() -> None:
        total = 0
        for process in [me, *me.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        told["peak_memory_bytes"] = max(told["peak_memory_bytes"], total)
        told["seconds"] = time.monotonic() - start

    def watch() -> None:
        while not stop.wait(0.25):
            sample()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        stop.set()
        thread.join()
        sample()
