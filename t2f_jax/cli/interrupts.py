"""What ends a command from outside: Ctrl-C, and signals that are taken for it, so that nothing stays half-written."""

import contextlib
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130  # what a shell says of a program that was ended by SIGINT
SIGNALS = ("SIGTERM", "SIGHUP")  # of a batch system or a container's end; of a terminal that is closed, but on Windows
AGAIN_SECONDS = 0.02


class Ended(KeyboardInterrupt):
    """One of `SIGNALS` came: whatever cleans up after Ctrl-C cleans up after it, too."""

    def __init__(self, number: int):
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


def prepare() -> None:
    """Lets the signals raise `Ended` in the main thread, unless the program is started to ignore them (nohup)."""
    for number in _numbers():
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)
    sys.unraisablehook = _come_again


def end_at_once() -> bool:
    """From now on Ctrl-C or a signal ends the program wherever it is: nothing is left to be cleaned up.

    Returns:
      Whether the signals were this program's own, see `prepare`.
    """
    own = any(signal.getsignal(number) == _end for number in _numbers())
    for number in (signal.SIGINT, *_numbers()):
        if signal.getsignal(number) in (_end, signal.default_int_handler):
            signal.signal(number, signal.SIG_DFL)
    return own


def describe(error: KeyboardInterrupt) -> tuple[str, int]:
    """What a message calls the end, and the program's exit code: what a shell says of a program that a signal ends."""
    return (str(error), 128 + error.number) if isinstance(error, Ended) else ("interrupted", INTERRUPTED)


def _end(number: int, _: FrameType | None) -> NoReturn:
    raise Ended(number)


def _come_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """A signal that came where Python lets no exception out (the garbage collector, `__del__`) comes once more."""
    error = unraisable.exc_value
    if not isinstance(error, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    number = error.number if isinstance(error, Ended) else signal.SIGINT
    timer = threading.Timer(AGAIN_SECONDS, signal.raise_signal, [number])
    timer.daemon = True
    with contextlib.suppress(RuntimeError):  # the interpreter ends: no thread can be started any more
        timer.start()


def _numbers() -> list[signal.Signals]:
    return [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
