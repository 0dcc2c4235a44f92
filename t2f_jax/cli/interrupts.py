"""What ends a command from outside: Ctrl-C, and signals that are taken for it, so that nothing stays half-written."""

import contextlib
import signal
import sys
import threading
from types import FrameType

from t2f_jax.errors import Ended

INTERRUPTED = 130  # what a shell says of a program that was ended by SIGINT
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # of Ctrl-C; of a batch system or a container's end; of a closed terminal
AGAIN_SECONDS = 0.02


def prepare() -> None:
    """Lets the signals raise in the main thread, unless the program is started to ignore them (nohup).

    Raises:
      KeyboardInterrupt: one came while the program started itself again, see `environment.tune`.
    """
    for number in _numbers():
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _end)
    sys.unraisablehook = _handle_unraisable
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _numbers())


def end_at_once() -> bool:
    """From now on a signal ends the program wherever it is: nothing is left to be cleaned up.

    Returns:
      Whether the signals were this program's own, see `prepare`.
    """
    own = [number for number in _numbers() if signal.getsignal(number) == _end]
    for number in own:
        signal.signal(number, signal.SIG_DFL)
    return bool(own)


def describe(error: KeyboardInterrupt) -> tuple[str, int]:
    """What a message calls the end, and the program's exit code: what a shell says of a program that a signal ends."""
    return (str(error), 128 + error.number) if isinstance(error, Ended) else ("interrupted", INTERRUPTED)


def _end(number: int, frame: FrameType | None) -> None:
    """The signals' handler. It lets a module be read to its end first: compiled ones turn what is raised into others'
    errors, or print it."""
    if _is_importing(frame):
        _come_again(number)
    elif number == signal.SIGINT:
        raise KeyboardInterrupt
    else:
        raise Ended(number)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name == "_find_and_load" and "importlib" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


def _handle_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    """A signal that came where Python lets no exception out (the garbage collector, `__del__`) comes once more."""
    error = unraisable.exc_value
    if isinstance(error, KeyboardInterrupt):
        _come_again(error.number if isinstance(error, Ended) else signal.SIGINT)
    else:
        sys.__unraisablehook__(unraisable)


def _come_again(number: int) -> None:
    def send() -> None:
        main = threading.main_thread().ident
        if main is not None and hasattr(signal, "pthread_kill"):  # wakes the main thread where it waits
            signal.pthread_kill(main, number)
        else:
            signal.raise_signal(number)

    timer = threading.Timer(AGAIN_SECONDS, send)
    timer.daemon = True
    with contextlib.suppress(RuntimeError):  # the interpreter ends: no thread can be started any more
        timer.start()


def _numbers() -> list[signal.Signals]:
    return [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
