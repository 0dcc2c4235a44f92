"""Errors that a user can correct (one line on stderr, exit code 2), helpers to word them, and ends by a signal."""

import contextlib
import difflib
import errno
import os
import signal
from collections.abc import Iterable, Iterator


class UserError(Exception):
    """A mistake in the user's input (a path, a row, a key, a flag): says what, where, and what would be right."""


class WrongArgument(UserError, ValueError):
    """A Python argument of a wrong type or value: names the argument, its value, and what it must be."""


class DiskFull(UserError):
    """The disk is full. Code that catches it should end the process soon, since other writes fail, too."""


class Ended(KeyboardInterrupt):
    """SIGTERM or SIGHUP came. A KeyboardInterrupt, so that code that cleans up after Ctrl-C does so here, too."""

    def __init__(self, number: int):
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


NO_ROOM = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}  # Windows has no quota


def full_disk(error: BaseException | None) -> str | None:
    """The system's message if a full disk caused an error or one in its chain; else None.

    Libraries that are not written in Python pass on only the message.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None and error.errno in NO_ROOM:
            return os.strerror(error.errno)
        for reason in ("No space left on device", "Disk quota exceeded", "File too large"):
            if reason in str(error):
                return reason
        error = error.__cause__ or error.__context__
    return None


# Too many open files, or a network disk that is gone: the cause is not the file that was opened.
_OF_THE_MACHINE = {"EMFILE", "ENFILE", "ESTALE", "ENOTCONN", "ENODEV", "ETIMEDOUT", "EHOSTDOWN"}


def is_machines_fault(error: BaseException) -> bool:
    """Whether the machine, not the file, caused an error: the next file would fail, too, so none may be skipped."""
    return isinstance(error, OSError) and errno.errorcode.get(error.errno or 0) in _OF_THE_MACHINE


@contextlib.contextmanager
def naming(where: object) -> Iterator[None]:
    """Prefixes the message of a UserError raised inside with the file or place `where`; its class stays the same."""
    try:
        yield
    except UserError as error:
        raise type(error)(f"{where}: {error}") from error


def nearest(name: str, known: Iterable[str], similarity: float = 0.3) -> str:
    """The `known` name most similar to `name`, for an error message; "" if none is similar.

    Args:
      similarity: the smallest ratio of `difflib.SequenceMatcher` that counts, from 0 to 1.
    """
    return next(iter(difflib.get_close_matches(name, list(known), 1, similarity)), "")
