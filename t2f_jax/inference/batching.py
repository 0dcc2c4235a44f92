"""Batches of rows in few sizes and lengths, so that few programs are compiled."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)
Rows = TypeVar("Rows", bound="Sequence | np.ndarray")


def bucket(length: int) -> int:
    """The padded length of a row of `length` ids.

    Up to 128 a multiple of 32, for prompts, whose lengths vary much; above that a multiple of 8, for rows with a face,
    whose lengths vary little.
    """
    step = 32 if length <= 128 else 8
    return -(-length // step) * step


def group_rows(keys: Sequence[Key], largest: int) -> list[tuple[Key, list[int]]]:
    """Batches of rows with equal keys (such as their bucket): [(key, row numbers)], at most `largest` rows each."""
    groups: dict[Key, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    return [(key, part) for key, rows in groups.items() for part in split(rows, largest)]


def split(rows: Rows, size: int) -> Iterator[Rows]:
    """Splits rows into consecutive batches of `size` rows (1 or more); the last one may be shorter."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]  # type: ignore[misc]  # a slice of a list is a list, of an array an array


def pad_to_power_of_two(rows: Sequence[Item]) -> list[Item]:
    """Pads rows to a power of two by repeating the first."""
    return [*rows, *[rows[0]] * ((1 << (len(rows) - 1).bit_length()) - len(rows))]


def pad(prefixes: Sequence[Sequence[int]], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Prefixes -> int32 ids [B,size], zeros after each prefix, and int32 lengths [B]."""
    ids, lengths = np.zeros((len(prefixes), size), np.int32), np.array([len(p) for p in prefixes], np.int32)
    for row, prefix in zip(ids, prefixes):
        row[: len(prefix)] = prefix
    return ids, lengths


def call_in_batches(function: Callable[[np.ndarray], object], rows: np.ndarray, batch_size: int) -> np.ndarray:
    """Calls `function` for all rows, `batch_size` at a time.

    Every batch has the same number of rows (fewer than `batch_size` rows are padded to a power of two, a last batch to
    `batch_size`), so that a jitted function compiles once. Without rows the result is empty, with the usual shape.
    """
    if not len(rows):
        return np.asarray(function(np.zeros((1, *rows.shape[1:]), rows.dtype)))[:0]
    if len(rows) < batch_size:
        batch_size = 1 << max(0, len(rows) - 1).bit_length()
    results = []
    for part in split(rows, batch_size):
        padded = np.concatenate([part, np.repeat(part[:1], batch_size - len(part), 0)])
        results.append(np.asarray(function(padded))[: len(part)])
    return np.concatenate(results)
