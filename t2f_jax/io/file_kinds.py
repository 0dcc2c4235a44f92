"""Recognizes a file by its first bytes and its name, for messages about a file of the wrong kind."""

import os
import pathlib

_KINDS = {
    b"version https://git-lfs": "a pointer of Git LFS: fetch the file itself with `git lfs pull`",
    b"\x1f\x8b": "a gzip archive: unpack it first",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it first",
    b"\xfd7zxz": "an xz archive: unpack it first",
    b"\x28\xb5\x2f\xfd": "a zstd archive: unpack it first",
    b"bzh": "a bzip2 archive: unpack it first",
    b"rar!": "a rar archive: unpack it first",
    b"%pdf": "a PDF document",
    b"8bps": "a file of Photoshop",
    b"\x89hdf": "an HDF5 file, as Keras writes it",
    b"gguf": "a GGUF file, as llama.cpp reads it",
    b"\x93numpy": "an array of NumPy (.npy)",
}
_HEIC = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")
_UNFINISHED = (".incomplete", ".part", ".partial", ".crdownload", ".download", ".aria2", ".tmp")


def foreign(path: str | os.PathLike[str]) -> str:
    """What a wrong file is, such as "an empty file"; "" if its kind is unknown."""
    path = pathlib.Path(path)
    if path.suffix.lower() in _UNFINISHED:
        return "a download that was not finished, as its name says: fetch it again"
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except (OSError, ValueError):  # paths must not contain null bytes
        return ""
    if not start:
        return "an empty file"
    if not start.strip(b"\0") and len(start) > 4:
        return "nothing but zeros: its download failed"
    if b'"weight_map"' in start or path.name.endswith(".index.json"):
        return "a list of the parts of a model that was saved in parts: load it with its own program, and save it whole"
    head = start.lstrip().lower()
    if head.startswith(b"<"):
        return "an SVG drawing" if b"<svg" in head else "a web page: its download failed"
    if start[4:8] == b"ftyp" and start[8:12] in _HEIC:
        return "an HEIC photo, as telephones take them: save it as JPEG"
    return next((what for begin, what in _KINDS.items() if head.startswith(begin)), "")
