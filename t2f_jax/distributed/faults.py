"""Events that end a run before its last step: a request to stop, and a watchdog for hanging steps."""

import contextlib
import faulthandler
import itertools
import os
import pathlib
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from t2f_jax.distributed import hosts
from t2f_jax.io import files

Handler = Callable[[int, FrameType | None], object] | int | None  # of a signal


class Termination:
    """Records a SIGTERM (a pre-empted machine, a batch system's time limit), so that the loop saves before it ends.

    In a run of one process the first Ctrl-C does the same, and a second one ends the run at once.

    With several processes, the request is passed to all, which stop after the same step. Use as a context manager
    around the steps, and call `after` once per step.

    Attributes:
      requested: whether the run is to stop.
      code: the exit code in that case.
    """

    def __init__(self) -> None:
        self.requested, self.code = False, 143
        self._many = hosts.many()  # then JAX handles the signal, and a Python handler would replace JAX's
        self._before: dict[int, Handler] = {}

    def __enter__(self) -> "Termination":
        if not self._many:
            with contextlib.suppress(ValueError):  # handlers can only be set in the main thread
                self._before[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._on_terminate)
                if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # ignored in background jobs of a shell
                    self._before[signal.SIGINT] = signal.signal(signal.SIGINT, self._on_interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_terminate(self, *_: object) -> None:
        self.requested = True

    def _on_interrupt(self, *_: object) -> None:
        self.requested, self.code = True, 130
        signal.signal(signal.SIGINT, self._before[signal.SIGINT])

    def after(self, step: int) -> bool:
        """Whether the run ends with `step`; the same in every process."""
        if self._many and not self.requested:
            self.requested = hosts.stop_requested(step)
        return self.requested


class Watchdog:
    """Ends the process if nothing has happened for `limit` seconds (0: never), for example if a collective hangs.

    It prints what it waited for and a traceback of every thread, and exits with `hosts.RESTART`. Use as a context
    manager, and call `beat` whenever something begins. Time in which this process is suspended, as by Ctrl-Z, does
    not count.
    """

    def __init__(self, label: str, limit: float, end: Callable[[int], object] = os._exit):
        self.label, self.limit, self._end = label, limit, end
        self._stop, self._beats = threading.Event(), itertools.count()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="watchdog")
        self.beat("restoring")

    def __enter__(self) -> "Watchdog":
        if self.limit > 0:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def beat(self, what: str) -> None:
        """`what` begins now, so the work before it has ended."""
        self._last = next(self._beats), what

    def _watch(self) -> None:
        look = min(1.0, self.limit / 4)
        last, waited = self._last, 0.0  # a sum of intervals, because a clock continues while the process is suspended
        while not self._stop.wait(look):
            last, waited = (last, waited + look) if last == self._last else (self._last, 0.0)
            if waited > self.limit:
                what = last[1]
                message = (
                    f"{self.label}: {what} has not ended within {self.limit:g} seconds (train.hang_after): a collective"
                    " hangs, another host is lost, or the limit is too low; this process ends; the same command"
                    " resumes from the last checkpoint"
                )
                with contextlib.suppress(Exception):  # stderr may be closed, too
                    faulthandler.dump_traceback(sys.stderr)
                    # Not with `progress.say`: the hanging thread may hold the lock of the bar.
                    print(message, file=sys.stderr, flush=True)
                time.sleep(2 * look)  # let the other processes print, too: they end when one has ended
                self._end(hosts.RESTART)
                return


def report_progress(label: str, step: int) -> None:
    """Writes the step of the newest checkpoint for a supervisor, into the file named by `T2F_PROGRESS`."""
    path = os.environ.get("T2F_PROGRESS")
    if path:  # in every process: there may be a supervisor on each host
        with contextlib.suppress(OSError):
            files.write_text(pathlib.Path(path), f"{label} {step}\n")
