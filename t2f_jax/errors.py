"""Errors that a user can mend, each one line on stderr and exit code 2, what helps to word them; ends from outside."""

import contextlib
import difflib
import errno
import os
import signal
from collections.abc import Iterable, Iterator


class UserError(Exception):
    """A mistake in what the user gave (a path, a row, a key, a flag): says what, where, and what would be right."""


class WrongArgument(UserError, ValueError):
    """A Python argument of a wrong type or value: says which argument, what it is, and what it must be."""


class DiskFull(UserError):
    """No room to write what must be written. Whoever catches it ends the process soon: other writers fail, too."""


class Ended(KeyboardInterrupt):
    """SIGTERM or SIGHUP came: whatever cleans up after Ctrl-C cleans up after it, too."""

    def __init__(self, number: int):
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


NO_ROOM = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}  # Windows has no quota


def full_disk(error: BaseException | None) -> str | None:
    """The system's message if a full disk caused an error, or one in its chain; else None.

    Libraries that are not written in Python hand on the message alone.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None and error.errno in NO_ROOM:
            return os.strerror(error.errno)
        for reason in ("No space left on device", "Disk quota exceeded", "File too large"):
            if reason in str(error):
                return reason
        error = error.__cause__ or error.__context__
    return None


# The process has all files open that it may, or a network's disk went away: no fault of the file that was opened.
_OF_THE_MACHINE = {"EMFILE", "ENFILE", "ESTALE", "ENOTCONN", "ENODEV", "ETIMEDOUT", "EHOSTDOWN"}


def is_machines_fault(error: BaseException) -> bool:
    """Whether the next file would fail as this one did: it must not be left out as a broken one is."""
    return isinstance(error, OSError) and errno.errorcode.get(error.errno or 0) in _OF_THE_MACHINE


@contextlib.contextmanager
def naming(where: object) -> Iterator[None]:
    """Puts the file or place `where` before the message of a UserError raised inside; its class stays."""
    try:
        yield
    except UserError as error:
        raise type(error)(f"{where}: {error}") from error


def nearest(name: str, known: Iterable[str], similarity: float = 0.3) -> str:
    """The one of the `known` names that `name` resembles most, for an error message; "" if none resembles it.

    Args:
      similarity: the least ratio of `difflib.SequenceMatcher` that counts, from 0 to 1.
    """
    return next(iter(difflib.get_close_matches(name, list(known), 1, similarity)), "")
