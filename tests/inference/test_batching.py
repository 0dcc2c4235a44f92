"""Rows in batches: what is added changes nothing, and sizes are few."""

import numpy as np
import pytest

from t2f_jax.inference import batching


def test_a_bucket_holds_its_rows_and_is_one_of_few():
    lengths = range(1, 400)
    buckets = [batching.bucket(length) for length in lengths]
    assert all(length <= bucket < length + 32 for length, bucket in zip(lengths, buckets))
    assert batching.bucket(128) == 128 and batching.bucket(129) == 136 and len(set(buckets)) < 40


def test_rows_of_equal_keys_are_grouped_in_their_order():
    assert batching.group_rows("abaab", 2) == [("a", [0, 2]), ("a", [3]), ("b", [1, 4])]


@pytest.mark.parametrize("rows", [list(range(5)), np.arange(5), range(5)])
def test_a_split_loses_nothing(rows):
    parts = list(batching.split(rows, 2))
    assert [len(part) for part in parts] == [2, 2, 1] and all(type(part) is type(rows) for part in parts)
    assert [row for part in parts for row in part] == list(range(5))


def test_padding_repeats_the_first_row():
    assert batching.pad_to_power_of_two("abc") == ["a", "b", "c", "a"]
    assert batching.pad_to_power_of_two("a") == ["a"] and len(batching.pad_to_power_of_two(range(9))) == 16


def test_prefixes_are_padded_behind_their_ids():
    ids, lengths = batching.pad([[5, 6], [7]], 3)
    assert ids.tolist() == [[5, 6, 0], [7, 0, 0]] and lengths.tolist() == [2, 1] and ids.dtype == np.int32


@pytest.mark.parametrize(("count", "sizes"), [(3, {4}), (4, {4}), (5, {4}), (9, {4})])
def test_a_function_sees_batches_of_one_size(count, sizes):
    seen = set()

    def double(rows):
        seen.add(len(rows))
        return rows * 2

    rows = np.arange(count)
    np.testing.assert_array_equal(batching.call_in_batches(double, rows, 4), rows * 2)
    assert seen == sizes
