"""Records of faces in a file of JSON lines, read one by one in any order: what is known of millions costs no memory.

records.jsonl   a line a face
records.npy     int64 [N + 1]: where each line begins, and the end of the last. Without it the lines are counted
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

INDEX = ".npy"  # ends the name of a records file's index
_CHUNK = 1 << 22  # bytes


def write_index(path: pathlib.Path) -> None:
    """Writes beside a records file where its lines begin, so that opening it takes no time."""
    np.save(path.with_suffix(INDEX), _line_starts(path))


def _line_starts(path: pathlib.Path) -> np.ndarray:
    """int64 [N + 1]: 0, and the places behind the ends of lines."""
    starts = [np.zeros(1, np.int64)]
    with path.open("rb") as file:
        at = 0
        while chunk := file.read(_CHUNK):
            starts.append(np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n")) + (at + 1))
            at += len(chunk)
    return np.concatenate(starts)


def _read_index(path: pathlib.Path) -> np.ndarray:
    """The index of a records file if it fits; else, as in stores that were made without one, the lines are counted."""
    index = path.with_suffix(INDEX)
    with contextlib.suppress(UserError):  # it is missing or broken
        starts = open_array(index, np.int64, 1)
        if starts.size and starts[-1] == path.stat().st_size:
            return starts.view(np.ndarray)
    return _line_starts(path)


class Records(Sequence[dict[str, Any]]):
    """Lines of a records file by number, read and parsed when asked for; threads may share it.

    Raises:
      UserError: when it is asked for: a line that is no JSON object.
    """

    def __init__(self, path: pathlib.Path):
        self._path = path
        self._starts = _read_index(path)
        # Read, not mapped: of a mapped file every page that was ever looked at would count as this process's memory.
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
        """What to raise where record i makes no sense."""
        line = f"{self._path}, line {i % len(self) + 1}"
        return UserError(f"{line}: a broken record ({reason}); delete the folder and run `t2f prepare` again")


def _parse(line: bytes) -> Any:
    """`parse_json`, but by orjson, which is four times as fast, where it reads the line."""
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
