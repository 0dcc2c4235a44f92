"""A table of images in separate files: CSV, JSON lines or Parquet; Hugging Face's imagefolder is one, too.

The column of images has paths relative to the table's folder. Several rows may be about one image.
"""

import functools
import os
import pathlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from t2f_jax.data.datasets.listed import ENDINGS as IMAGES
from t2f_jax.data.datasets.own import kinds, splits
from t2f_jax.data.datasets.own.rows import FilePicture, Row, Table
from t2f_jax.data.datasets.tables import read_csv
from t2f_jax.errors import UserError, nearest
from t2f_jax.io.files import parse_json

ENDINGS = {".csv": "CSV", ".tsv": "TSV", ".jsonl": "JSON lines", ".ndjson": "JSON lines", ".parquet": "Parquet"}
IMAGE = ("image", "file_name", "filename", "file", "image_path", "img", "path", "image_id")  # the first one counts


def read(tables: Sequence[pathlib.Path], root: pathlib.Path, image: str = "") -> Table:
    """The rows of one or several tables.

    Args:
      root: the folder of all; an image's name is its path in there, without folders that name a split.
      image: the column of the image's path; if empty, the first of `IMAGE` that exists.

    Raises:
      UserError: a table that cannot be read or has no column of images.
    """
    table = Table(f"{ENDINGS[tables[0].suffix.lower()]} table" + f"s ({len(tables)} files)" * (len(tables) > 1))
    for path in tables:
        column = image
        of_table = splits.of_file(path.relative_to(root))
        for where, values in _read_table(path, path.relative_to(root).as_posix(), table.broken):
            column = column or image_column(values, path)
            try:
                file = _find(path.parent, values.get(column))
            except UserError as error:
                table.broken[where] = f"column '{column}': {error}"
                continue
            name = file.relative_to(root)
            id = unicodedata.normalize("NFC", splits.without_folder(pathlib.PurePosixPath(name.as_posix())))
            rest = {key: value for key, value in values.items() if key != column}
            table.rows.append(Row(where, id, FilePicture(file), rest, splits.of_folder(name) or of_table))
    return table


def image_column(columns: Mapping[str, Any], path: pathlib.Path) -> str:
    """The column of images. Raises UserError if no column has such a name."""
    known = {name.strip().lower().replace(" ", "_"): name for name in columns}
    for name in IMAGE:
        if name in known:
            return known[name]
    near = nearest("image", columns, 0.6)
    hint = f" (is it '{near}'? then columns=\"image={near}\")" if near else ""
    raise UserError(f"{path}: no column 'image'{hint}; there are {', '.join(columns)[:200] or 'none'}")


def _read_table(path: pathlib.Path, name: str, broken: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """-> (where, {column: value}); invalid rows go into `broken`.

    Args:
      name: the table's name in `where`; several with the same name are in folders of splits.
    """
    kind = ENDINGS[path.suffix.lower()]
    if kind in ("CSV", "TSV"):
        uneven: dict[str, str] = {}
        for line, cells in read_csv(path, (), _delimiter(path) if kind == "CSV" else "\t", broken=uneven):
            yield f"{name}, line {line}", dict(cells)
        broken |= {name + where.removeprefix(path.name): why for where, why in uneven.items()}
    elif kind == "JSON lines":
        yield from _read_json_lines(path, name, broken)
    else:
        yield from _read_parquet(path, name)


def _delimiter(path: pathlib.Path) -> str:
    """ "," or another delimiter if more frequent in the first line: German and French Excel write semicolons."""
    with path.open("rb") as file:
        first = file.readline(100_000).replace(b"\0", b"")
    return max((",", ";", "\t"), key=lambda sign: first.count(sign.encode()))


def _read_json_lines(path: pathlib.Path, name: str, broken: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            where = f"{name}, line {number}"
            if not line.strip():
                continue
            try:
                values = parse_json(line.removeprefix(b"\xef\xbb\xbf"))
            except ValueError as error:
                broken[where] = f"no JSON ({error})"
                continue
            if isinstance(values, dict):
                yield where, flat(values)
            else:
                broken[where] = 'no JSON object; a line should be one, such as {"image": "1.jpg", "caption": "A man."}'


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Flattens nested objects: {"attributes": {"hat": "yes"}} -> {"hat": "yes"}."""
    opened: dict[str, Any] = {}
    for key, value in values.items():
        opened |= flat(value) if isinstance(value, Mapping) else {key: value}
    return opened


def _read_parquet(path: pathlib.Path, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches():
            for values in batch.to_pylist():
                number += 1
                yield f"{name}, row {number}", flat(values)
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: no readable Parquet file ({' '.join(str(error).split())})") from error


def _find(folder: pathlib.Path, text: Any) -> pathlib.Path:
    """The image file that a cell names. Raises UserError if it is no path inside the table's folder, or no file."""
    if not isinstance(text, str) or not text.strip():
        raise UserError("it is empty; the path of an image should stand here")
    if "://" in text:
        raise UserError(f"'{text}' is an address; download the image, and give its path")
    path = pathlib.Path(os.path.normpath(folder / text.strip()))
    if not path.is_relative_to(os.path.normpath(folder)):
        raise UserError(f"'{text}' lies outside {folder}, the table's folder; put the image inside")
    for form in ("NFC", "NFD"):  # macOS writes "é" as two characters
        same = pathlib.Path(unicodedata.normalize(form, str(path)))
        if not path.exists() and same.exists():
            path = same
    if not path.exists():
        kinds.check_text(text)
        link = "a link that leads nowhere" if path.is_symlink() else "no such file"
        raise UserError(f"'{text}': {link}{_there_is(path, folder)}")
    return path


def _there_is(path: pathlib.Path, folder: pathlib.Path) -> str:
    """A suggestion for a path without a file: another ending, or a folder below the table's."""
    near = _by_stem(path.parent).get(path.stem.lower(), "")
    if near:
        return f"; there is {near}" if near != path.name else ""
    below = _below(folder).get(path.name.lower(), "")
    return f"; there is {below}: write that, or put the table into {folder / below.rpartition('/')[0]}" if below else ""


@functools.lru_cache(maxsize=8)
def _by_stem(folder: pathlib.Path) -> dict[str, str]:
    """{name in lower case, without its ending: name} of a folder's files."""
    return {pathlib.PurePath(name).stem.lower(): name for name in os.listdir(folder)} if folder.is_dir() else {}


@functools.lru_cache(maxsize=8)
def _below(folder: pathlib.Path) -> dict[str, str]:
    """{name in lower case: path in the folder} of the images in the folders below one."""
    images = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in IMAGES)
    return {path.name.lower(): path.relative_to(folder).as_posix() for path in images}
