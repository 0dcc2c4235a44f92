"""Folders in a bucket (gs://...), worked on in a local copy: what is read is fetched, what is written goes up.

A bucket has no atomic rename and no appending. So a file that says "whole" goes up last, a record goes up anew at each
save, and checkpoints are written there directly by Orbax, which has commit markers of its own. All else in this package
reads and writes local files. TensorFlow's file system does the transfers, or gcsfs where TensorFlow is not installed.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
from collections.abc import Iterator
from typing import Any

from t2f_jax.errors import UserError
from t2f_jax.io.files import LOCK

MARK = ".bucket"  # in a local working folder: the address of the bucket's
COPIED = ".copied"  # in a local copy of a folder that has none of the following: it is complete
LAST = ("meta.json", "config.json")  # of a store, of a model folder: written last, so that what has them is whole


def is_remote(text: str | os.PathLike[str]) -> bool:
    """Whether a path is an address such as gs://bucket/folder."""
    return "://" in os.fspath(text)


def address(text: str) -> Any:
    """An address as a path object (`etils.epath.Path`).

    Raises:
      UserError: a scheme that is not supported, or no bucket.
    """
    from etils import epath

    if not re.fullmatch(r"gs://[^/]+(/.*)?", text):
        raise UserError(f"{text}: an address must look like gs://BUCKET/FOLDER")
    return epath.Path(text)


def _cache() -> pathlib.Path:
    return pathlib.Path(os.environ.get("T2F_CACHE") or pathlib.Path.home() / ".cache" / "t2f")


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Processes of one machine share their copies: one fetches, the others wait and find them."""
    _cache().mkdir(parents=True, exist_ok=True)
    with (_cache() / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
        yield


def local(text: str) -> pathlib.Path:
    """Where an address' local copy lies: in $T2F_CACHE, or else the user's cache folder."""
    name = text.rstrip("/").rpartition("/")[2]
    return _cache() / f"{name}-{hashlib.sha256(text.rstrip('/').encode()).hexdigest()[:12]}"


def fetched(text: str) -> pathlib.Path:
    """A folder or file to read: itself if it is local, else a local copy, made now unless the one there is the same.

    Raises:
      UserError: there is nothing there, or the bucket cannot be read.
    """
    if not is_remote(text):
        return pathlib.Path(text)
    source, target = address(text), local(text)
    with _told(text), _one_at_a_time():
        if source.is_dir():
            if not _whole(source, target):
                shutil.rmtree(target, ignore_errors=True)
                _down(source, target)
                (target / COPIED).touch()
            return target
        if not source.exists():
            raise UserError(f"{text}: there is nothing there")
        target = target.with_name(f"{target.name}-{source.name}")  # it keeps its suffix
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    return target


def _whole(source: Any, target: pathlib.Path) -> bool:
    """Whether a local copy is complete and still the bucket's."""
    marks = [name for name in LAST if (source / name).exists()]
    if not marks:
        return (target / COPIED).is_file()
    return all((target / m).is_file() and (source / m).read_bytes() == (target / m).read_bytes() for m in marks)


def working(text: str) -> pathlib.Path:
    """A folder to write to: itself if it is local, else a local one that knows its address (see `home`)."""
    if not is_remote(text):
        return pathlib.Path(text)
    target = local(text)
    address(text)
    target.mkdir(parents=True, exist_ok=True)
    (target / MARK).write_text(text.rstrip("/"))
    return target


def home(path: pathlib.Path) -> Any:
    """Where a path inside a local working folder lies in the bucket (an `epath.Path`); None if it is simply local."""
    for folder in (path, *path.parents):
        if (folder / MARK).is_file():
            return address((folder / MARK).read_text().strip()) / path.relative_to(folder).as_posix()
    return None


def pull(path: pathlib.Path) -> None:
    """Makes a file or folder of a working folder what it is in the bucket; nothing there, nothing happens."""
    source = home(path)
    if source is None:
        return
    with _told(str(source)), _one_at_a_time():
        if source.is_dir():
            if any((source / name).exists() for name in LAST) and not _whole(source, path):
                _down(source, path)
        elif source.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.partial")
            partial.write_bytes(source.read_bytes())
            os.replace(partial, path)


def push(path: pathlib.Path, without: str = "") -> None:
    """Puts a file or folder of a working folder into the bucket, the file that says "whole" last.

    Args:
      without: name of a folder in it that stays here.
    """
    target = home(path)
    if target is None or not path.exists():
        return
    with _told(str(target)):
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
            return
        files = [file for file in path.rglob("*") if file.is_file() and file.name not in (MARK, COPIED, LOCK)]
        files = [file for file in files if not without or file.relative_to(path).parts[0] != without]
        for name in LAST:  # what is replaced is not whole meanwhile
            if (path / name).is_file() and (target / name).exists():
                (target / name).unlink()
        for file in sorted(files, key=lambda file: file.name in LAST and file.parent == path):
            there = target / file.relative_to(path).as_posix()
            there.parent.mkdir(parents=True, exist_ok=True)
            _copy_up(file, there)


PART = 1 << 26  # bytes carried at once


def _copy_up(source: pathlib.Path, target: Any) -> None:
    with source.open("rb") as file, target.open("wb") as there:
        shutil.copyfileobj(file, there, PART)


def _down(source: Any, target: pathlib.Path) -> None:
    """Copies a folder here; the file that says "whole" comes last here, too."""
    target.mkdir(parents=True, exist_ok=True)
    for item in sorted(source.iterdir(), key=lambda item: item.name in LAST):
        name = item.name.rstrip("/")
        if item.is_dir():
            _down(item, target / name)
        else:
            with item.open("rb") as there, (target / name).open("wb") as file:
                shutil.copyfileobj(there, file, PART)


@contextlib.contextmanager
def _told(text: str) -> Iterator[None]:
    """Turns what a bucket's file system raises into one line that names the address."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):  # of this machine's disk
            raise
        line = " ".join(str(error).split())[:200]
        raise UserError(f"{text}: the bucket cannot be used ({type(error).__name__}: {line})") from error
