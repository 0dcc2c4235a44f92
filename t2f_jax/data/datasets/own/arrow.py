"""Hugging Face datasets: a folder that `save_to_disk` wrote (Arrow), or Parquet files that contain the images.

Images are a column of {"bytes", "path"}; a class label is a number, and the file's schema has its name.
"""

import dataclasses
import functools
import json
import pathlib
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from t2f_jax.data.datasets.own import splits
from t2f_jax.data.datasets.own.manifest import flat
from t2f_jax.data.datasets.own.rows import Row, Table, decode
from t2f_jax.errors import UserError
from t2f_jax.io.framing import WHOLE, Framing

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

_reading = threading.Lock()  # threads that need the same row group wait for the first one, which caches it


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """An image in a row of an Arrow or Parquet file."""

    path: pathlib.Path
    column: str
    batch: int  # record batch of an Arrow file, row group of a Parquet file
    row: int  # in that batch
    name: str
    length: int

    def signature(self) -> str:
        """The image's own name and size in bytes."""
        return f"{self.name} {self.length}"

    def data(self) -> bytes:
        """The image's bytes."""
        with _reading:
            cell = _images(self.path, self.column, self.batch)[self.row].as_py()
        return cell["bytes"] if isinstance(cell, dict) else cell

    def read(self, size: int, framing: Framing = WHOLE, landmarks: np.ndarray | None = None) -> np.ndarray:
        """Pixels uint8 [size, size, 3]; raises UserError."""
        return decode(self.data(), f"{self.path}, {self.name}", size, framing, landmarks)


def holds_images(path: pathlib.Path) -> bool:
    """Whether a Parquet file has a column of images, not of their paths. Raises UserError if it is no Parquet file."""
    return bool(_image_columns(_parquet(path).schema_arrow))


def read(files: Sequence[pathlib.Path], root: pathlib.Path, image: str = "") -> Table:
    """The rows of Arrow or Parquet files; `root` is the folder of all.

    Args:
      image: the column of images; if empty, the only one.

    Raises:
      UserError: a file that cannot be read, no column of images, or several.
    """
    is_parquet = files[0].suffix == ".parquet"
    table = Table(f"Hugging Face dataset ({'Parquet' if is_parquet else 'Arrow'})")
    for path in files:
        split = splits.of_file(path.relative_to(root))
        number = 0
        for batch, records in _batches(path, image):
            column = records.schema.names[0]
            lengths = [0 if data is None else len(data) for data in _bytes(records.column(0))]
            paths = list(_paths(records.column(0)))
            names = [_name(path, number + i, cell) for i, cell in enumerate(paths)]
            rest = records.select(records.schema.names[1:])
            labels = _class_names(rest.schema)
            for i, values in enumerate(rest.to_pylist()):
                number += 1
                where = f"{path.relative_to(root).as_posix()}, row {number}"
                if not lengths[i]:
                    table.broken[where] = _absent(column, paths[i])
                    continue
                for key, words in labels.items():
                    values[key] = words[values[key]] if values[key] in range(len(words)) else None
                picture = Cell(path, column, batch, i, names[i], lengths[i])
                table.rows.append(Row(where, unicodedata.normalize("NFC", names[i]), picture, flat(values), split))
    return table


def _batches(path: pathlib.Path, image: str) -> "Iterator[tuple[int, pyarrow.RecordBatch | pyarrow.Table]]":
    """-> (number, rows), the column of images first."""
    import pyarrow

    try:
        if path.suffix == ".parquet":
            file = _parquet(path)
            names = _ordered(file.schema_arrow, path, image)
            for group in range(file.num_row_groups):
                yield group, file.read_row_group(group, names).select(names)
        else:
            records = _arrow(path)
            names = _ordered(records[0].schema, path, image)
            for number, batch in enumerate(records):
                yield number, batch.select(names)
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error


def _ordered(schema: "pyarrow.Schema", path: pathlib.Path, image: str) -> list[str]:
    """The columns to read, with the images first; other columns of images are left out."""
    images, names = _image_columns(schema), ", ".join(schema.names)
    found = [image] if image in schema.names else images
    if not found:
        raise UserError(f"{path}: no column of images among {names}")
    if len(found) > 1:
        raise UserError(f'{path}: {len(found)} columns of images; choose one, such as columns="image={found[0]}"')
    return [found[0], *(name for name in schema.names if name not in (found[0], *images))]


def _parquet(path: pathlib.Path) -> "pyarrow.parquet.ParquetFile":
    import pyarrow
    import pyarrow.parquet

    try:
        return pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: no readable Parquet file ({' '.join(str(error).split())})") from error


@functools.lru_cache(maxsize=256)
def _arrow(path: pathlib.Path) -> "list[pyarrow.RecordBatch]":
    """The batches of an Arrow file, mapped into memory without reading."""
    import pyarrow

    with pyarrow.memory_map(str(path)) as source:
        batches = list(pyarrow.ipc.open_stream(source))
    if not batches:
        raise UserError(f"{path}: this Arrow file has no rows")
    return batches


@functools.lru_cache(maxsize=2)
def _images(path: pathlib.Path, column: str, batch: int) -> "pyarrow.Array | pyarrow.ChunkedArray":
    """The images of one batch, encoded."""
    if path.suffix == ".parquet":
        return _parquet(path).read_row_group(batch, [column]).column(column)
    return _arrow(path)[batch].column(column)


def _image_columns(schema: "pyarrow.Schema") -> list[str]:
    import pyarrow.types as types

    def is_image(field: "pyarrow.Field") -> bool:
        parts = {part.name for part in field.type} if types.is_struct(field.type) else set()
        return parts >= {"bytes", "path"} or types.is_binary(field.type) or types.is_large_binary(field.type)

    return [field.name for field in schema if is_image(field)]


def _absent(column: str, path: str | None) -> str:
    """The reason why a cell has no image."""
    hint = f", not only its path ({path}): `save_to_disk` and `push_to_hub` write them, `to_parquet` does not"
    return f"column '{column}': no image; its bytes should stand here{hint if path else ''}"


def _bytes(column: Any) -> Iterator[bytes | None]:
    for cell in column:
        value = cell["bytes"] if hasattr(cell, "keys") and cell.is_valid else cell
        yield value.as_buffer() if value.is_valid else None


def _paths(column: Any) -> Iterator[str | None]:
    for cell in column:
        yield cell["path"].as_py() if hasattr(cell, "keys") and cell.is_valid else None


def _name(path: pathlib.Path, number: int, given: str | None) -> str:
    """An image's name: that of its original file, otherwise that of its row."""
    return pathlib.PurePosixPath(given).name if given else f"{path.stem}-{number:06d}"


def _class_names(schema: "pyarrow.Schema") -> dict[str, list[str]]:
    """{column: names of its classes}, from the metadata that Hugging Face writes into a schema."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {key: f["names"] for key, f in features.items() if isinstance(f, dict) and f.get("names")}
    except (KeyError, ValueError, TypeError):
        return {}
