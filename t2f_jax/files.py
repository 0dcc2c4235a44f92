"""Files that are whole or absent: JSON, folders that appear under their name only when complete, and who may write."""

import contextlib
import json
import os
import pathlib
import shutil
import time
from collections.abc import Iterator
from typing import Any

from t2f_jax.errors import UserError


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
def held(folder: pathlib.Path, patience: float = 10.0) -> Iterator[None]:
    """Keeps other programs out of `folder` that ask for it in the same way, until the block or this process ends.

    The system lets go of what a killed process held. Where it knows no locks on files, nobody is kept out.

    Args:
      patience: seconds that another one, just killed perhaps, gets to let go.

    Raises:
      UserError: another process on this machine (or on a shared disk) holds it.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + patience
    with (folder / ".lock").open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < end:
                    time.sleep(0.1)
                    continue
                file.seek(0)
                raise UserError(
                    f"{folder}: another run is at work in it (process {file.read().strip() or 'unknown'});"
                    " end it first, or choose another folder"
                ) from None
            except OSError:  # a disk without locks
                break
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            break
        yield
