"""Tar shards as WebDataset and img2dataset write them: the files of one face are adjacent and share a key.

A key is a path up to the first dot after its last slash; the rest is the field: "0001/7.jpg" is field jpg of key
0001/7. An image field is the face, `txt` or `caption` has its captions (one per line), and `json` an object of columns;
other fields are not read. Names that begin with "__" are ignored.
"""

import pathlib
import tarfile
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from t2f_jax.data.datasets.listed import ENDINGS
from t2f_jax.data.datasets.own import splits
from t2f_jax.data.datasets.own.manifest import flat
from t2f_jax.data.datasets.own.rows import Row, Slice, Table
from t2f_jax.errors import UserError
from t2f_jax.io.files import decode, parse_json

TEXTS = ("txt", "text", "caption", "captions")


def read(shards: Sequence[pathlib.Path], root: pathlib.Path) -> Table:
    """The samples of all shards as rows; `root` is the folder of all.

    Raises:
      UserError: a shard is no tar file, or it is compressed or cut short.
    """
    table = Table("WebDataset" + f" ({len(shards)} shards)" * (len(shards) > 1))
    for path in shards:
        split = splits.of_file(path.relative_to(root))
        for key, fields in _samples(path):
            where = f"{path.relative_to(root).as_posix()}, {key}"
            try:
                name, picture = _picture(path, key, fields)
                values = _values(path, fields)
            except UserError as error:
                table.broken[where] = str(error)
                continue
            id = unicodedata.normalize("NFC", splits.without_folder(pathlib.PurePosixPath(name)))
            of_key = splits.of_folder(pathlib.PurePosixPath(name))
            table.rows.append(Row(where, id, picture, values, of_key or split))
    return table


def _samples(path: pathlib.Path) -> Iterator[tuple[str, dict[str, tarfile.TarInfo]]]:
    """-> (key, {field: its place in the tar file}) for each run of files that share a key."""
    key, fields = "", {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                name = member.name.removeprefix("./")
                base = name.rpartition("/")[2]
                if not member.isfile() or (base.startswith("__") and base.endswith("__")) or base.startswith("."):
                    continue
                stem, _, field = base.partition(".")
                this = name[: len(name) - len(base)] + stem
                if this != key and fields:
                    yield key, fields
                    fields = {}
                key, fields[field.lower()] = this, member
    except (tarfile.TarError, EOFError) as error:
        raise UserError(f"{path}: no whole, uncompressed tar file ({error}); write the shard again") from error
    if fields:
        yield key, fields


def _picture(path: pathlib.Path, key: str, fields: dict[str, tarfile.TarInfo]) -> tuple[str, Slice]:
    """-> (the image's name, the image)."""
    found = [field for field in fields if f".{field}" in ENDINGS]
    found = found or [field for field in fields if field.endswith(ENDINGS)]  # if the stem has a dot: "7.jpg.chip.jpg"
    if len(found) != 1:
        several = f"{len(found)} images ({', '.join(found)})" if found else f"no image among {', '.join(fields)}"
        raise UserError(f"{several}; a sample should have one, such as {key}.jpg")
    member = fields[found[0]]
    name = member.name.removeprefix("./")
    return name, Slice(path, member.offset_data, member.size, name)


def _values(path: pathlib.Path, fields: dict[str, tarfile.TarInfo]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    with path.open("rb") as file:
        for field, member in fields.items():
            if field not in ("json", *TEXTS):
                continue
            file.seek(member.offset_data)
            data = file.read(member.size)
            try:
                if field == "json":
                    read = parse_json(data)
                    if not isinstance(read, dict):
                        raise ValueError("no JSON object")
                    values |= flat(read)
                else:
                    values["caption"] = decode(data)
            except ValueError as error:
                raise UserError(f"field '{field}' cannot be read ({error})") from None
    return values
