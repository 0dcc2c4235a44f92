"""Files and folders that are whole or absent: they get their final name only when they are complete."""

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

from t2f_jax.errors import UserError


@contextlib.contextmanager
def whole_file(path: pathlib.Path, many_writers: bool = False) -> Iterator[pathlib.Path]:
    """Yields the path of a file to write beside `path`; it gets the name `path` when the block ends without an error.

    Makes the folder if there is none.

    Args:
      many_writers: other processes may write the same file at the same time; each then has a partial file of its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial" if many_writers else f".{path.name}.partial")
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_bytes(path: pathlib.Path, data: bytes) -> None:
    """Writes a file, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_bytes(data)


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a UTF-8 text file, whole or not at all.

    A byte of a file name that is no UTF-8 is written as an escape, `\\udcff`, which JSON reads back.
    """
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: pathlib.Path, value: object) -> None:
    """`write_text` of indented JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: pathlib.Path, what: str) -> Any:
    """Reads JSON. Raises UserError if the file is missing or broken; the message calls it `what`."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: {what} is missing") from None
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: {what} is broken ({error})") from error


@contextlib.contextmanager
def whole_folder(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields an empty folder beside `folder`, which replaces `folder` when the block ends without an error.

    After an error it is deleted, and `folder` is as it was.
    """
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
