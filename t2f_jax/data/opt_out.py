"""The opt-out list: hashes of pictures that must not be read, of their files or of their content.

A line begins with a hash: of a file (MD5, SHA-1 or SHA-256 in hexadecimal digits, as md5sum and similar tools print
them), or "picture:" and the perceptual hash of `duplicates`, which also finds copies of the picture. The rest of a line
is a comment, and so is a line that begins with #.
"""

import dataclasses
import hashlib
import os
import pathlib
import re
from collections.abc import Callable

import numpy as np

from t2f_jax.data import duplicates
from t2f_jax.data.datasets.base import read_face
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_lines

PICTURE = "picture:"
_SIDE = 256  # side in pixels of the picture that `picture_line` hashes
_KINDS = {32: "md5", 40: "sha1", 64: "sha256"}  # by the number of digits


@dataclasses.dataclass(frozen=True)
class OptOut:
    """An opt-out list.

    Attributes:
      path: its file.
      files: {kind of hash: hashes of files}.
      pictures: uint64 [P, 4], hashes of pictures and of their mirror images.
      key: a hash of the list; empty for an empty list.
    """

    path: str = ""
    files: dict[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    pictures: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 4), np.uint64))
    key: str = ""

    def check_file(self, data: Callable[[], bytes]) -> None:
        """Raises UserError if the list has the file whose bytes `data` returns; they are read only if necessary."""
        content = data() if self.files else b""
        for kind, hashes in self.files.items():
            digest = hashlib.new(kind, content, usedforsecurity=False).hexdigest()
            if digest in hashes:
                raise UserError(f"opted out: {self.path} names its {kind} {digest}")

    def check_picture(self, image_SxSx3: np.ndarray) -> None:
        """Raises UserError if the list has the picture, or one that it is a copy of."""
        if len(self.pictures):
            own = duplicates.hashes(image_SxSx3[None])[0]
            if duplicates.distances(self.pictures, own).min() <= duplicates.NEAR:
                raise UserError(f"opted out: {self.path} names the picture, or one that it is a copy of")


def read(path: str) -> OptOut:
    """Reads a list; an empty path gives an empty list.

    Raises:
      UserError: no such file, or a line that does not begin with a hash.
    """
    if not path:
        return OptOut()
    files: dict[str, set[str]] = {}
    pictures = []
    lines = read_lines(pathlib.Path(os.path.expanduser(path)), "opt-out list (data.opt_out)")
    for number, line in enumerate(lines, 1):
        word = line.split()[0].lower() if line.strip() and not line.startswith("#") else ""
        text = word.removeprefix(PICTURE)
        if word and not (re.fullmatch("[0-9a-f]+", text) and len(text) in _KINDS):
            raise UserError(
                f"{path}, line {number}: '{word[:80]}' should be a file's MD5, SHA-1 or SHA-256, or {PICTURE} and what"
                " `t2f data hash` prints"
            )
        if word.startswith(PICTURE):
            pictures.append(_parsed(text, f"{path}, line {number}"))
        elif word:
            files.setdefault(_KINDS[len(text)], set()).add(text)
    looks_Px4 = np.array(pictures, np.uint64).reshape(-1, 4)
    named = sorted(text for hashes in files.values() for text in hashes)
    every = (named, sorted(looks_Px4.tolist()))
    key = hashlib.sha256(repr(every).encode()).hexdigest() if any(every) else ""
    return OptOut(
        path,
        {kind: frozenset(hashes) for kind, hashes in files.items()},
        np.concatenate([looks_Px4, duplicates.mirrored(looks_Px4)]),
        key,
    )


def _parsed(text: str, where: str) -> np.ndarray:
    try:
        return duplicates.parse_hash(text)
    except ValueError as error:
        raise UserError(f"{where}: '{PICTURE}{text[:80]}' is not a hash of a picture ({error})") from error


def picture_line(path: pathlib.Path) -> str:
    """The line of an opt-out list for a picture. Raises UserError if the file cannot be read."""
    return PICTURE + duplicates.hash_text(duplicates.hashes(read_face(path, _SIDE)[None])[0])
