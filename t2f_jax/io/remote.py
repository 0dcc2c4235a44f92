"""Downloads and uploads files and folders in a bucket (gs://...), with cached copies on this machine.

All other code reads and writes local files; only Orbax writes checkpoints directly, with its own commit markers. A
bucket has no atomic rename and no appending, so the file that marks a folder as complete is uploaded last, and a file
that grows is uploaded again each time. TensorFlow's file system does the transfers, or gcsfs without TensorFlow.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from t2f_jax.errors import UserError, full_disk
from t2f_jax.io import cache, files, locks, quiet

if TYPE_CHECKING:
    from etils import epath

LAST = ("meta.json", "config.json")  # of a store, of a model folder: written last, so a folder that has one is complete
COPIED = ".copied"  # in a copy of a folder without these: the listing of the bucket when it was completely copied
STAY = {COPIED, locks.LOCK, locks.HOLDER}  # names of files that are never uploaded
CHUNK = 1 << 26  # bytes transferred at once


def is_remote(text: str | os.PathLike[str]) -> bool:
    """Whether a path is an address such as gs://bucket/folder."""
    return "://" in os.fspath(text)


def address(text: str) -> "epath.Path":
    """An address as a path object.

    Raises:
      UserError: a scheme that is not supported, or no bucket.
    """
    quiet.tensorflow()  # epath imports it for an address
    from etils import epath

    if not re.fullmatch(r"gs://[^/]+(/.*)?", text):
        raise UserError(f"{text}: an address must look like gs://BUCKET/FOLDER")
    return epath.Path(text)


def cached(text: str, kind: str) -> pathlib.Path:
    """A path in the cache for this address only, ending with its name; nothing else is in its parent.

    Args:
      kind: "copies" for reading, or "working" copies for writing: a reader must not change a writer's files.
    """
    text = text.rstrip("/")
    return cache.folder("buckets") / kind / hashlib.sha256(text.encode()).hexdigest()[:12] / text.rpartition("/")[2]


def fetch(text: str | os.PathLike[str]) -> pathlib.Path:
    """A file or folder to read: the path itself if it is local, else a copy, made unless there is a current one.

    Raises:
      UserError: the address does not exist, or the bucket cannot be read.
    """
    text = os.fspath(text)
    if not is_remote(text):
        return pathlib.Path(os.path.expanduser(text))
    source, target = address(text), cached(text, "copies")
    with naming(text), one_at_a_time():
        if source.is_dir():
            if not is_current(source, target):
                shutil.rmtree(target, ignore_errors=True)
                listing = _listing(source)
                download(source, target)
                files.write_json(target / COPIED, listing)
        elif source.exists():
            download(source, target)
        else:
            raise UserError(f"{text}: there is nothing there")
    return target


def is_current(source: "epath.Path", target: pathlib.Path) -> bool:
    """Whether the copy `target` of a folder is complete and equals the current contents of the bucket."""
    marks = [name for name in LAST if (source / name).exists()]
    if marks:
        return all((target / m).is_file() and (source / m).read_bytes() == (target / m).read_bytes() for m in marks)
    try:
        return json.loads((target / COPIED).read_text(encoding="utf-8")) == _listing(source)
    except (OSError, ValueError):
        return False


def _listing(source: "epath.Path", prefix: str = "") -> dict[str, list[int]]:
    """{"a/b.png": [bytes, time of the last change]} of all files in a folder of a bucket."""
    listing: dict[str, list[int]] = {}
    for item in source.iterdir():
        name = prefix + item.name.rstrip("/")
        if item.is_dir():
            listing |= _listing(item, f"{name}/")
        else:
            stat = item.stat()
            listing[name] = [stat.length, int(stat.mtime or 0)]
    return listing


def download(source: "epath.Path", target: pathlib.Path) -> None:
    """Copies a file, or a folder with the file that marks completeness last."""
    if not source.is_dir():
        with files.whole_file(target) as partial, source.open("rb") as there, partial.open("wb") as here:
            shutil.copyfileobj(there, here, CHUNK)
        return
    target.mkdir(parents=True, exist_ok=True)
    for item in sorted(source.iterdir(), key=lambda item: item.name in LAST):
        download(item, target / item.name.rstrip("/"))


def upload(source: pathlib.Path, target: "epath.Path", without: str = "") -> None:
    """Copies a file, or a folder with the file that marks completeness last.

    Args:
      without: name of a folder in it that is not uploaded.
    """
    if source.is_file():
        _upload_file(source, target)
        return
    paths = [path for path in source.rglob("*") if path.is_file() and path.name not in STAY]
    paths = [path for path in paths if not without or path.relative_to(source).parts[0] != without]
    for name in LAST:  # a folder whose files are being replaced is not complete
        if (source / name).is_file() and (target / name).exists():
            (target / name).unlink()
    for path in sorted(paths, key=lambda path: path.name in LAST and path.parent == source):
        _upload_file(path, target.joinpath(*path.relative_to(source).parts))


def _upload_file(source: pathlib.Path, target: "epath.Path") -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as here, target.open("wb") as there:
        shutil.copyfileobj(here, there, CHUNK)


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """The processes of a machine share copies: one fetches them, the others wait and use them."""
    with locks.one_at_a_time(cache.folder("buckets") / locks.LOCK):
        yield


@contextlib.contextmanager
def naming(text: str) -> Iterator[None]:
    """Turns the errors of a bucket's file system into a one-line message that names the address."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if full_disk(error):  # of this machine
            raise
        line = " ".join(str(error).split())[:200]
        raise UserError(f"{text}: the bucket cannot be used ({type(error).__name__}: {line})") from error
