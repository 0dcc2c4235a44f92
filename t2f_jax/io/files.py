"""Files and folders that are written atomically: they get their final name only when they are complete.

Text is written as UTF-8. What has no UTF-8 (a byte of a file name, which Python represents as a lone surrogate) is
written as "\\udce9", which JSON reads back as the same character. JSON has no NaN and no infinity: `defined` turns
undefined figures into null, and everything else refuses them.
"""

import codecs
import contextlib
import hashlib
import json
import math
import os
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from t2f_jax.errors import DiskFull, UserError, full_disk, nearest
from t2f_jax.io.file_kinds import foreign

if TYPE_CHECKING:
    from etils import epath

UNFINISHED = ".partial"  # in an existing empty folder that is being filled: files that are not complete yet
LONGEST_NAME = 255  # bytes of a file's name
DEEPEST = 100  # levels of JSON that is read, so that recursive functions do not overflow the stack


def is_stream(path: pathlib.Path) -> bool:
    """Whether a path is a device, a pipe or an opened file, which must not be replaced by another file."""
    opened = path.parent in (pathlib.Path("/dev"), pathlib.Path("/dev/fd")) and path.is_symlink()
    return path.exists() and not path.is_dir() and (opened or not path.is_file())


def nearest_folder(path: pathlib.Path) -> pathlib.Path | None:
    """The existing folder whose name is most similar to a missing one's or a missing parent's; None if there is none.

    `runs/quikstart/model` -> `runs/quickstart/model`.
    """
    missing = path
    while not os.path.isdir(missing.parent):  # pathlib raises for a name that is too long
        missing = missing.parent
    with contextlib.suppress(OSError):  # a folder without permission to read
        if near := nearest(missing.name, (one.name for one in missing.parent.iterdir() if one.is_dir()), 0.6):
            found = missing.parent / near
            below = found / path.relative_to(missing)
            return below if below.is_dir() else found
    return None


def beside(path: pathlib.Path, ending: str) -> pathlib.Path:
    """The hidden path beside `path` for its incomplete file; its name is valid on disks if that of `path` is."""
    name = f".{path.name}{ending}"
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}{ending}"
    return path.with_name(name)


@contextlib.contextmanager
def whole_file(path: pathlib.Path, many_writers: bool = False) -> Iterator[pathlib.Path]:
    """Yields the path of a file to write beside `path`; it gets the name `path` when the block ends without an error.

    Creates the folder if it is missing. A link remains a link, and a device or a pipe is written directly.

    Args:
      many_writers: other processes may write the same file at the same time; each then has its own partial file.
    """
    if is_stream(path):
        with naming_full_disk(path):
            yield path
        return
    path = pathlib.Path(os.path.realpath(path)) if path.is_symlink() else path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = beside(path, f".{os.getpid()}.partial" if many_writers else ".partial")
    try:
        with naming_full_disk(path):
            yield partial
            os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def naming_full_disk(path: pathlib.Path) -> Iterator[None]:
    """Turns an error caused by a full disk in the block into a DiskFull that names the file or folder `path`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = full_disk(error)
        if reason is None:
            raise
        raise DiskFull(f"{path}: {reason}; free some space, or choose another folder") from error


def write_bytes(path: pathlib.Path, data: bytes) -> None:
    """Writes a file atomically."""
    with whole_file(path) as partial:
        partial.write_bytes(data)


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a UTF-8 text file atomically.

    A byte of a file name that is not UTF-8 is written as an escape, `\\udcff`, which JSON reads back.
    """
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: pathlib.Path, value: object) -> None:
    """`write_text` of indented `to_json`. Raises ValueError for NaN and infinity."""
    write_text(path, to_json(value, indent=2) + "\n")


def json_line(value: object) -> str:
    """A value as one line of `to_json`, its end included. Raises ValueError for NaN and infinity."""
    return to_json(value) + "\n"


def to_json(value: object, indent: int | None = None) -> str:
    """JSON that every program reads. Raises ValueError for NaN and infinity, which no setting or record may contain."""
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)


def defined(figures: Any) -> Any:
    """Figures for `to_json`: numbers that are NaN or infinite are undefined and become None, at any depth."""
    if isinstance(figures, Mapping):
        return {name: defined(value) for name, value in figures.items()}
    if isinstance(figures, (list, tuple)):
        return [defined(value) for value in figures]
    return None if isinstance(figures, float) and not math.isfinite(figures) else figures


def read_json(path: pathlib.Path, what: str) -> Any:
    """Reads JSON. Raises UserError if the file is missing or broken; the message calls it `what`."""
    try:
        return parse_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: {what} is missing") from None
    except OSError as error:
        raise UserError(f"{path}: {what} is broken ({error})") from error
    except ValueError as error:
        raise UserError(f"{path}: {what} is broken ({foreign(path) or error})") from error


def parse_json(data: bytes) -> Any:
    """The value of JSON in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    NaN and Infinity, which are not JSON but written by some programs, and numbers beyond float's range become None.
    Raises ValueError for anything else that is not JSON.
    """
    if not data.strip(b"\0 \t\r\n"):
        raise ValueError("it is empty" if b"\0" not in data else "it holds only null bytes")
    try:
        value = json.loads(data, parse_constant=lambda _: None, parse_float=lambda text: defined(float(text)))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if data.count(b"[") + data.count(b"{") > DEEPEST and not _is_shallow(value, DEEPEST):
        raise ValueError("nested too deeply")
    return value


def _is_shallow(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_is_shallow(item, levels - 1) for item in inner)


_UNICODE = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16"}
_UNICODE |= {codecs.BOM_UTF16_BE: "utf-16"}  # after UTF-32, whose mark begins with the same bytes


def decode(data: bytes, errors: str = "strict") -> str:
    """Text in UTF-8, or in UTF-16 or UTF-32 if its byte order mark says so; the mark is removed.

    Args:
      errors: how Python treats bytes that are not UTF-8.

    Raises:
      ValueError: bytes that are not text.
    """
    encoding = next((name for mark, name in _UNICODE.items() if data.startswith(mark)), "utf-8-sig")
    text = data.decode(encoding, errors if encoding == "utf-8-sig" else "strict")
    if "\0" in text:
        raise ValueError("it holds null bytes; save it as UTF-8")
    return text


def no_file(path: pathlib.Path) -> str:
    """What is at a path instead of a file that allows random access, for a message; "" if it is such a file."""
    if path.is_file():
        return ""
    if path.is_dir():
        return "this is a folder"
    return "this is a pipe or a device" if path.exists() else "no such file"


def read_lines(path: pathlib.Path, what: str) -> list[str]:
    """The lines of a text file written by people or other programs, without the line ends of Unix, Windows or old Macs.

    Encodings are those of `decode`. Unlike with `str.splitlines`, nothing else ends a line: not U+0085, not U+2028.
    A byte that is not UTF-8 is represented as Python does in file names, so that names still match their files.

    Raises:
      UserError: no such file, or one that cannot be read or is not text; the message calls it `what`.
    """
    try:
        text = decode(path.read_bytes(), "surrogateescape")
    except OSError as error:
        raise UserError(f"{path}: no readable {what} ({error.strerror or error})") from error
    except ValueError as error:
        raise UserError(f"{path}: a {what} that is no text ({error})") from error
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@contextlib.contextmanager
def whole_folder(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields an empty folder beside `folder`, which replaces `folder` when the block ends without an error.

    After an error it is deleted, and `folder` is unchanged. A link to a folder remains a link.
    """
    folder = pathlib.Path(os.path.realpath(folder)) if folder.is_symlink() else folder
    if folder.is_dir() and is_empty(folder):
        with _filled(folder) as partial:
            yield partial
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial, old = beside(folder, ".partial"), beside(folder, ".old")
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


def is_empty(folder: "pathlib.Path | epath.Path") -> bool:
    """Whether a folder is empty, except for remains of a killed `whole_folder`."""
    return all(path.name == UNFINISHED for path in folder.iterdir())


@contextlib.contextmanager
def _filled(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """`whole_folder` for an existing empty folder, which may be a mount point or have a parent that is not writable."""
    partial = folder / UNFINISHED
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        with naming_full_disk(folder):
            yield partial
        for path in sorted(partial.iterdir(), key=lambda path: path.stat().st_mtime_ns):  # the completeness mark last
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
