"""Files that are whole or absent: JSON, folders that appear under their name only when complete, and who may write."""

import contextlib
import fcntl
import json
import os
import pathlib
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO

from t2f_jax.errors import UserError

LOCK = ".lock"  # the file in a folder that says whose it is for now


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a text file under its final name only once it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def write_json(path: pathlib.Path, value: Any) -> None:
    """`write_text` of indented JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: pathlib.Path, what: str) -> Any:
    """Reads JSON. Raises UserError that calls the file `what` if it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: {what} is missing") from None
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: {what} is broken ({error})") from error


@contextlib.contextmanager
def whole_folder(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields an empty folder beside `folder` that takes its place when the block ends well, and vanishes otherwise."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial, old = folder.with_name(f".{folder.name}.partial"), folder.with_name(f".{folder.name}.old")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if folder.exists():
        os.replace(folder, old)
    os.replace(partial, folder)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def held(folder: pathlib.Path, patience: float = 120.0) -> Iterator[None]:
    """Keeps other programs out of `folder` that ask for it in the same way, until the block or this process ends.

    The system lets go of what a killed process held. On a disk that knows no locks nobody is kept out. Nothing of it
    stays behind, nor the folder if it was made for this and is empty.

    Args:
      patience: seconds that another one gets to let go: a shared disk may notice late that its host has gone.

    Raises:
      UserError: another process, on this machine or on a shared disk, still holds it.
    """
    new, path = not folder.exists(), folder / LOCK
    end, told = time.monotonic() + patience, False
    while (file := _locked(path)) is None:
        with contextlib.suppress(OSError):  # gone just now
            at_work = f"{folder}: another run is at work in it ({path.read_text().strip() or 'not known which'})"
            if time.monotonic() >= end:
                raise UserError(f"{at_work}; end it first, or choose another folder")
            if not told:
                print(f"t2f: {at_work}; waiting {patience:g} s for its end", file=sys.stderr, flush=True)
            told = True
        time.sleep(0.1)
    with file:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            if new:
                with contextlib.suppress(OSError):  # not empty
                    folder.rmdir()


def _locked(path: pathlib.Path) -> TextIO | None:
    """The file at `path`, with this process's lock on it and name in it; None if another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except OSError:  # a disk without locks
        return file
    if not path.exists() or path.stat().st_ino != os.fstat(file.fileno()).st_ino:  # its last owner took it away
        file.close()
        return None
    file.truncate(0)
    file.write(f"process {os.getpid()} on {platform.node()}\n")
    file.flush()
    return file
