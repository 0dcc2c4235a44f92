"""Checks that a folder holds the generated faces of only one request, which `request.json` records.

The same request again, or one for more of its faces, may continue in the folder; any other is refused.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from t2f_jax.errors import UserError
from t2f_jax.io.files import parse_json

if TYPE_CHECKING:
    import pathlib

    from etils import epath

    Folder = pathlib.Path | epath.Path

REQUEST = "request.json"
MANIFEST = "manifest.jsonl"  # of the faces of a prompts file, see `prompt_file`
OWN = re.compile(r"(face-\d{6,10}|\d{6,}-\d{6,10}|grid)\.png|request\.json|manifest\.jsonl")
ADVICE = "give another --out, or --replace to delete what is there"


def check(folder: "Folder", request: Mapping[str, Any] | None) -> None:
    """Raises UserError if the folder holds faces of another request.

    Args:
      folder: a local one, or one in a bucket; it need not exist.
      request: plain values; "n" and "keep" count faces. None: a prompts file, whose faces the manifest lists.
    """
    names = _own_names(folder)
    if request is None:
        if REQUEST in names or any(name.startswith("face-") for name in names):
            raise UserError(f"{folder}: holds faces of a single prompt; {ADVICE}")
        return
    if MANIFEST in names:
        raise UserError(f"{folder}: holds faces of a file of prompts; {ADVICE}")
    if REQUEST in names:
        before = _read(folder)
        differs = [key for key in {**request, **before} if request.get(key) != before.get(key)]
        if differs == ["n"] and request["keep"] is None and request["n"] > before["n"]:
            return
        if differs:
            key = differs[0]
            told = f"{key}: {before.get(key)!r}, now {request.get(key)!r}"
            raise UserError(f"{folder}: holds faces of another request ({told}); {ADVICE}")
    elif any(name.startswith("face-") for name in names):
        raise UserError(f"{folder}: holds faces but no {REQUEST} that names their request; give another --out")


def clear(folder: "Folder") -> None:
    """Deletes the faces and records of an earlier request, and nothing else.

    Raises:
      UserError: there are faces, but nothing says that `t2f generate` made them.
    """
    names = _own_names(folder)
    if names and not {REQUEST, MANIFEST} & set(names):
        raise UserError(f"{folder}: no {REQUEST} or {MANIFEST} shows that these faces were generated; delete them")
    for name in sorted(names, key=lambda name: name in (REQUEST, MANIFEST)):  # last: a call after a kill can finish
        (folder / name).unlink()


def _own_names(folder: "Folder") -> list[str]:
    return [path.name for path in folder.iterdir() if OWN.fullmatch(path.name)] if folder.is_dir() else []


def _read(folder: "Folder") -> dict[str, Any]:
    try:
        value = parse_json((folder / REQUEST).read_bytes())
    except ValueError as error:
        raise UserError(f"{folder / REQUEST}: broken JSON ({error}); {ADVICE}") from error
    if not isinstance(value, dict) or not isinstance(value.get("n"), int):
        raise UserError(f"{folder / REQUEST}: describes no request; {ADVICE}")
    return value
