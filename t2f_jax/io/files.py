"""Files and folders that are whole or absent: they get their final name only when they are complete.

Text is UTF-8. What has no UTF-8 (a byte of a file name, which Python keeps as half a surrogate pair) is written as
"\\udce9", which JSON reads back as the same sign.
"""

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

from t2f_jax.errors import DiskFull, UserError, full_disk


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
        with naming_full_disk(path):
            yield partial
            os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def naming_full_disk(path: pathlib.Path) -> Iterator[None]:
    """Turns an error in the block that a full disk caused into a DiskFull that names the file or folder `path`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = full_disk(error)
        if reason is None:
            raise
        raise DiskFull(f"{path}: {reason}; make room there, or choose another folder") from error


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
        return parse_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: {what} is missing") from None
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: {what} is broken ({error})") from error


def parse_json(data: bytes) -> Any:
    """The value of JSON in UTF-8, with or without a byte order mark. Raises ValueError for all that is none."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def json_line(value: object) -> str:
    """A value as one line of JSON, its end included."""
    return json.dumps(value, ensure_ascii=False) + "\n"


def read_lines(path: pathlib.Path, what: str) -> list[str]:
    """The lines of a text file that people or other programs wrote, without their ends, of Unix, Windows or old Macs.

    A byte order mark is passed over. Unlike `str.splitlines`, nothing else ends a line: not U+0085, not U+2028. A byte
    that is not UTF-8 is kept as Python keeps it in file names, so that a name is still that of its file.

    Raises:
      UserError: no such file, or one that cannot be read; the message calls it `what`.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise UserError(f"{path}: no readable {what} ({error.strerror or error})") from error
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


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
        with naming_full_disk(folder):
            yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if folder.exists():
        os.replace(folder, old)
    os.replace(partial, folder)
    shutil.rmtree(old, ignore_errors=True)
