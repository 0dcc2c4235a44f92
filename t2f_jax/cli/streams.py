"""Standard output and error as they are found: closed, without signs in their encoding, or read by nobody."""

import contextlib
import io
import os
import sys


def prepare() -> None:
    """Makes printing safe: a sign that the encoding lacks is written as an escape, a closed stream swallows all.

    The numbers of closed streams are taken, too: else the next file that is opened would get what is printed to them.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # until the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Writes what was printed. Raises BrokenPipeError if nobody reads it, another OSError that names the stream."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def drop() -> None:
    """Lets what was printed and cannot be written go, so that the interpreter does not try it again at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
