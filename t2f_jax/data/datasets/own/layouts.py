"""Detects the layout at a path by its files: a table, tar shards, a Hugging Face directory or a TFDS dataset."""

import pathlib
from collections.abc import Mapping

from t2f_jax.data.datasets.base import packed_files
from t2f_jax.data.datasets.listed import ENDINGS as IMAGES
from t2f_jax.data.datasets.own import arrow, manifest, shards, splits, tfds
from t2f_jax.data.datasets.own.rows import Table
from t2f_jax.errors import UserError

WANTED = (
    "a table (.csv, .tsv, .jsonl or .parquet) with a column 'image', WebDataset shards (.tar), or a Hugging Face"
    " directory, or a prepared dataset of TFDS (tfds:NAME)"
)


def read(path: pathlib.Path, columns: Mapping[str, str]) -> Table:
    """Reads the rows of the data at a path, a folder or a file.

    Args:
      columns: {column of the data: its meaning}; "image" marks the column of images.

    Raises:
      UserError: there is nothing readable, or there are several tables of which one must be chosen.
    """
    image = next((name for name, ours in columns.items() if ours == "image"), "")
    if str(path).startswith(tfds.PREFIX) or tfds.is_prepared(path):
        return tfds.read(str(path), image)
    if not path.exists():
        raise UserError(f"{path}: no such file or folder; {WANTED} should lie there")
    root = path if path.is_dir() else path.parent
    files = _files(path) if path.is_dir() else [path]
    by_ending: dict[str, list[pathlib.Path]] = {}
    for file in files:
        by_ending.setdefault(file.suffix.lower(), []).append(file)
    if ".tar" in by_ending:
        return shards.read(by_ending[".tar"], root)
    if ".arrow" in by_ending:
        return arrow.read(by_ending[".arrow"], root, image)
    found = [file for ending in manifest.ENDINGS for file in by_ending.get(ending, [])]
    if not found:
        raise UserError(_nothing(path))
    if all(file.suffix.lower() == ".parquet" and arrow.holds_images(file) for file in found):
        return arrow.read(found, root, image)
    return manifest.read(_chosen(found, root), root, image)


def tables(folder: pathlib.Path) -> list[pathlib.Path]:
    """The tables of a folder that are read, or from which one must be chosen."""
    return [file for file in _files(folder) if file.suffix.lower() in manifest.ENDINGS]


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    """The files that decide, sorted: those in a folder, otherwise in its `data` folder or its folders of splits."""
    for place in (folder, folder / "data"):
        if not place.is_dir():
            continue
        inner = [path for path in place.iterdir() if path.is_dir() and splits.of_word(path.name)]
        for places in ([place], inner):
            found = [file for one in places for file in one.iterdir() if _decides(file)]
            if found:
                return sorted(found)
    return []


def _decides(file: pathlib.Path) -> bool:
    name = file.name.lower()
    is_table = file.suffix.lower() in (*manifest.ENDINGS, ".tar", ".arrow")
    return is_table and not name.startswith((".", "_", "~$", "cache-"))


def _chosen(tables: list[pathlib.Path], root: pathlib.Path) -> list[pathlib.Path]:
    """The tables to read: all if each is for one split; otherwise the only one, or the one named `metadata`."""
    if len(tables) == 1 or all(splits.of_file(file.relative_to(root)) for file in tables):
        return tables
    named = [file for file in tables if file.stem.lower() == "metadata"]
    if len(named) == 1:
        return named
    names = ", ".join(str(file.relative_to(root)) for file in tables[:5])
    raise UserError(f"{root}: {len(tables)} tables ({names}); give the path of the one to read")


def _nothing(path: pathlib.Path) -> str:
    """The message for a path with nothing readable."""
    if not path.is_dir():
        return f"{path}: no data; {WANTED} should be given"
    if packed := packed_files(path):
        return f"{path}: {packed[0]} is still packed: unpack it; then {WANTED} should lie there"
    images = next((file for file in path.rglob("*") if file.suffix.lower() in IMAGES), None)
    if images:
        return f"{path}: images, but no table that says what they show; `t2f data make {path}` writes a first one"
    return f"{path}: no data; {WANTED} should lie there"
