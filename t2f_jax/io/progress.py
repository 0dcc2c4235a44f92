"""Progress of long work, and messages to the user. On stderr: a bar on a terminal, lines in a log."""

import contextlib
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rich.progress

LINE_EVERY = 15.0  # seconds between lines if stderr is not a terminal
DRAW_EVERY = 0.1  # seconds between redraws of a bar, which would be too slow after each short step

_bars: "list[rich.progress.Progress]" = []  # bars on the terminal, the innermost last


class Progress:
    """Counts `total` units of work, of which `start` are already finished.

    Use as a context manager and call `update`, or `advance`:
      with Progress("decoder", 1000, unit="step") as progress:
          progress.update(10, "loss 3.21")
    """

    def __init__(self, label: str, total: int, start: int = 0, unit: str = "item", quiet: bool = False):
        self.label, self.total, self.unit, self.quiet = label, total, unit, quiet
        self._before = self._start = self._done = start
        self._note = ""
        self._began = self._since = time.monotonic()
        self._first = True
        self._next = self._began + (DRAW_EVERY if _is_terminal() else LINE_EVERY)
        self._shown = -1  # units finished at the last line
        self._bar: rich.progress.Progress | None = None

    def __enter__(self) -> "Progress":
        if _is_terminal() and not self.quiet:
            self._bar = _make_bar()
            self._bar.start()
            self._bar.add_task(self.label, total=self.total, completed=self._done, note="")
            _bars.append(self._bar)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._draw()
            self._bar.stop()
            _bars.remove(self._bar)
        elif kind is None and self._shown != self._done and time.monotonic() - self._began > LINE_EVERY:
            self._draw()

    def update(self, done: int, note: str = "") -> None:
        """`done` units are finished; `note` is shown after the rate. Takes a microsecond unless a redraw is due."""
        now = time.monotonic()
        if self._first:  # the first step includes compilation, so its time is not representative
            self._first, self._start, self._since = False, done, now
        self._done, self._note = done, note
        if now >= self._next:
            self._next = now + (DRAW_EVERY if self._bar is not None else LINE_EVERY)
            self._draw()

    def advance(self, more: int = 1, note: str = "") -> None:
        """`more` further units are finished, see `update`."""
        self.update(self._done + more, note)

    def say(self, message: str) -> None:
        """`say`, unless this progress is quiet."""
        if not self.quiet:
            say(message)

    @property
    def rate(self) -> float:
        """Units per second since the first report, or since the start if that reported all; 0: not known yet."""
        first, since = self._start, self._since
        if first == self._done == self.total:
            first, since = self._before, self._began
        return (self._done - first) / max(time.monotonic() - since, 1e-9)

    def _draw(self) -> None:
        self._shown, rate = self._done, self.rate
        speed = f"{rate:.3g} {self.unit}s/s" if rate >= 1 else f"{1 / rate:.3g} s/{self.unit}" if rate else ""
        note = "  ".join(part for part in (speed, self._note) if part)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done, note=note)
        elif not self.quiet:
            percent = 100 * self._done / max(self.total, 1)
            time_left = f"{clock((self.total - self._done) / rate)} left" if rate else "? left"
            left = "" if self._done >= self.total else time_left
            parts = (f"{self.label}: {percent:.0f}% ({self._done}/{self.total} {self.unit}s)", left, note)
            say("  ".join(part for part in parts if part))


def say(message: str) -> None:
    """Prints a line on stderr, above the bar if there is one. All messages to the user go through this function.

    If stderr is closed or no longer read, the line is lost and the work continues.
    """
    if _bars:
        _bars[-1].console.print(message, markup=False, highlight=False)
    elif sys.stderr is not None:  # None: a program without a console
        with contextlib.suppress(OSError, ValueError):  # a broken pipe, a full disk; a closed file
            print(message, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """Seconds -> "1:02:03" or "2:03"."""
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02}:{s:02}" if hours else f"{m}:{s:02}"


def _is_terminal() -> bool:
    return sys.stderr is not None and not sys.stderr.closed and sys.stderr.isatty()


def _make_bar() -> "rich.progress.Progress":
    import rich.console
    import rich.progress as rp
    from rich.table import Column

    note = rp.TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True, overflow="ellipsis"))
    columns = ("[bold]{task.description}", rp.BarColumn(), "{task.percentage:>3.0f}%", rp.MofNCompleteColumn())
    return rp.Progress(*columns, rp.TimeRemainingColumn(), note, console=rich.console.Console(stderr=True))
