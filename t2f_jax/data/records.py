"""Records of faces in a file of JSON lines, read one by one in any order, so that millions take no memory.

records.jsonl   one line per face
records.npy     int64 [N + 1]: the start of each line, and the end of the last. Without it the file is searched for them
"""

import contextlib
import os
import pathlib
import weakref
from collections.abc import Sequence
from typing import Any, cast, overload

import numpy as np
import orjson

from t2f_jax.errors import UserError
from t2f_jax.io.arrays import open_array
from t2f_jax.io.files import parse_json
from t2f_jax.tokens.attributes import Fields, check_fields

INDEX = ".npy"  # suffix of the index of a records file
_CHUNK = 1 << 22  # bytes


def write_index(path: pathlib.Path) -> None:
    """Writes the index of line starts next to a records file, so that opening it takes no time."""
    np.save(path.with_suffix(INDEX), _line_starts(path))


def _line_starts(path: pathlib.Path) -> np.ndarray:
    """int64 [N + 1]: 0, and the places after the line ends."""
    starts = [np.zeros(1, np.int64)]
    with path.open("rb") as file:
        at = 0
        while chunk := file.read(_CHUNK):
            starts.append(np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n")) + (at + 1))
            at += len(chunk)
    return np.concatenate(starts)


def _read_index(path: pathlib.Path) -> np.ndarray:
    """The index of a records file if it fits; otherwise (older stores have none) the line starts are searched."""
    index = path.with_suffix(INDEX)
    with contextlib.suppress(UserError):  # it is missing or broken
        starts = open_array(index, np.int64, 1)
        if starts.size and starts[-1] == path.stat().st_size:
            return starts.view(np.ndarray)
    return _line_starts(path)


class Records(Sequence[dict[str, Any]]):
    """Lines of a records file by number, read and parsed when accessed; threads may share it.

    Raises:
      UserError: on access: a line that is no JSON object.
    """

    def __init__(self, path: pathlib.Path):
        self._path = path
        self._starts = _read_index(path)
        # Read, not mapped: every accessed page of a mapped file would count as this process's memory.
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, i: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, i: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, i: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        i %= len(self)
        start, end = self._starts[i : i + 2].tolist()
        try:
            record = _parse(os.pread(self._file, end - start, start))
            if not isinstance(record, dict):
                raise ValueError("no JSON object")
        except ValueError as error:
            raise self.broken(i, error) from error
        return record

    def broken(self, i: int, reason: ValueError) -> UserError:
        """The error to raise if record i is invalid."""
        line = f"{self._path}, line {i % len(self) + 1}"
        return UserError(f"{line}: a broken record ({reason}); delete the folder and run `t2f prepare` again")


def _parse(line: bytes) -> Any:
    """`parse_json`, but with orjson, which is four times as fast, if it can read the line."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return parse_json(line)


class RecordFields(Sequence[Fields]):
    """The fields of `Records`."""

    def __init__(self, records: Records):
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, i: int) -> Fields: ...
    @overload
    def __getitem__(self, i: slice) -> list[Fields]: ...
    def __getitem__(self, i: int | slice) -> Fields | list[Fields]:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        fields = self._records[i].get("fields")
        try:
            check_fields(fields)
        except ValueError as error:
            raise self._records.broken(i, error) from error
        return cast(Fields, fields)
