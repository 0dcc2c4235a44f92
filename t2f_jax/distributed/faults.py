"""What ends a run before its last step: a request to stop, and a watchdog over steps that never end."""

import contextlib
import faulthandler
import os
import pathlib
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from t2f_jax.distributed import hosts
from t2f_jax.io import files


class Termination:
    """Notes a SIGTERM (a pre-empted machine, a batch system's time limit), so that the loop saves before it leaves.

    So does the first Ctrl-C where the run is one process; a second one stops it at once.

    One process of several passes it on: all stop after the same step. Use as a context manager around the steps, and
    call `after` once a step.
    """

    def __init__(self) -> None:
        self.asked, self.code = False, 143
        self._many = hosts.many()  # then JAX listens for the signal, and a handler of Python's would unseat it
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Termination":
        if not self._many:
            with contextlib.suppress(ValueError):  # not in the main thread: whoever is there gets the signal
                self._before[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._note)
                if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # as it is for what runs in the background
                    self._before[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, *_: Any) -> None:
        self.asked = True

    def _interrupt(self, *_: Any) -> None:
        self.asked, self.code = True, 130
        signal.signal(signal.SIGINT, self._before[signal.SIGINT])

    def after(self, step: int) -> bool:
        """Whether the run ends with `step`, in every process alike."""
        if self._many and not self.asked:
            self.asked = hosts.asked_to_stop(step)
        return self.asked


class Watchdog:
    """Ends the process when nothing has happened for `limit` seconds (0: never), as when a collective hangs.

    Says what it waited for and where every thread stands, and leaves with `hosts.RESTART`. Use as a context manager and
    call `beat` with what begins.
    """

    def __init__(self, label: str, limit: float, end: Callable[[int], Any] = os._exit):
        self.label, self.limit, self._end = label, limit, end
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="watchdog")
        self.beat("restoring")

    def __enter__(self) -> "Watchdog":
        if self.limit > 0:
            self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()

    def beat(self, what: str) -> None:
        """Something ended, `what` begins."""
        self._last = time.monotonic(), what

    def _watch(self) -> None:
        look = min(1.0, self.limit / 4)
        while not self._stop.wait(look):
            since, what = self._last
            if time.monotonic() - since > self.limit:
                message = (
                    f"{self.label}: {what} has not ended within {self.limit:g} seconds (train.hang_after): a collective"
                    " hangs, another host is lost, or the limit is too low; this process ends, and the same command"
                    " goes on from the last checkpoint"
                )
                with contextlib.suppress(Exception):  # stderr may have gone, too
                    faulthandler.dump_traceback(sys.stderr)
                    print(message, file=sys.stderr, flush=True)
                time.sleep(2 * look)  # others of the job hang as well: the first that ends takes their words away
                self._end(hosts.RESTART)
                return


def report_progress(label: str, step: int) -> None:
    """Tells a supervisor, in the file that it named by `T2F_PROGRESS`, how far the run's checkpoints are."""
    path = os.environ.get("T2F_PROGRESS")
    if path:  # each process: there may be a supervisor on each host
        with contextlib.suppress(OSError):
            files.write_text(pathlib.Path(path), f"{label} {step}\n")
