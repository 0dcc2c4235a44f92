"""Arrays that are mapped into memory: their space is taken at once, and what was cut is refused."""

import contextlib
import io
import math
import pathlib
import tempfile

import damage
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2f_jax.errors import UserError
from t2f_jax.io import arrays


@pytest.mark.parametrize("reserves", [True, False])
def test_an_array_takes_all_its_space_at_once(reserves, tmp_path, monkeypatch):
    if not reserves:
        monkeypatch.delattr("os.posix_fallocate", raising=False)  # as on macOS and Windows
    array = arrays.create_array(tmp_path / "a.npy", np.uint8, (300, 1000))
    assert (tmp_path / "a.npy").stat().st_blocks * 512 >= 300_000 and not array.any()
    array[-1, -1] = 7
    arrays.forget_pages(array)
    assert array[-1, -1] == 7
    array.flush()
    again = arrays.open_array(tmp_path / "a.npy", np.uint8, 2)
    assert again.shape == (300, 1000) and again[-1, -1] == 7 and again.sum() == 7


@pytest.mark.parametrize("size", [0, 5, 100, 5000])
def test_a_cut_array_is_refused(size, tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((100, 100), np.uint8))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError, match=r"a\.npy: not a whole array"):
        arrays.open_array(path, np.uint8, 2)


def test_an_array_of_another_type_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 4), np.float32))
    with pytest.raises(UserError, match=r"a\.npy: float32 \(4, 4\) instead of uint8 with 3 axes"):
        arrays.open_array(tmp_path / "a.npy", np.uint8, 3)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), shape=st.sampled_from([(3, 4), (0, 2), (5, 1)]))
def test_any_bytes_are_an_array_or_are_refused(data, shape):
    whole = io.BytesIO()
    np.save(whole, np.arange(math.prod(shape), dtype=np.uint16).reshape(shape))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "a.npy"
        path.write_bytes(data.draw(damage.any_file(whole.getvalue())))
        with contextlib.suppress(UserError):
            array = arrays.open_array(path, np.uint16, 2)
            assert array.dtype == np.uint16 and array.nbytes <= path.stat().st_size


@pytest.mark.parametrize("shape", [(2**60,), (2**31, 2**31), (10**9, 10**9, 3), (-1, 4)])
def test_an_array_that_claims_more_than_its_file_is_refused(shape, tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with pytest.raises(UserError, match=r"a\.npy: not a whole array"):
        arrays.open_array(tmp_path / "a.npy", np.uint8, 3)


def test_rows_are_read_from_a_mapped_file_and_from_memory(tmp_path):
    values = np.arange(2 * 3 * 4, dtype=np.uint16).reshape(2, 3, 4)
    np.save(tmp_path / "a.npy", values)
    mapped = arrays.open_array(tmp_path / "a.npy", np.uint16, 3)
    for array in (values, mapped, mapped[::-1], np.broadcast_to(values[:, :1], (2, 3, 4))):
        read = arrays.row_reader(array)
        for i in range(2):
            for j in range(3):
                np.testing.assert_array_equal(read(i, j), array[i, j])
                assert read(i, j).dtype == np.uint16


def test_chosen_rows_are_read_from_the_file_in_their_order(tmp_path):
    array = arrays.create_array(tmp_path / "a.npy", np.uint8, (6, 2, 3))
    array[:] = np.arange(36).reshape(6, 2, 3)
    array.flush()
    for source in (array, np.array(array)):
        chosen = arrays.ChosenRows(source, np.array([5, 0, 3]))
        assert len(chosen) == 3 and chosen.shape == (3, 2, 3)
        np.testing.assert_array_equal(chosen[1:], array[[0, 3]])
        np.testing.assert_array_equal(chosen[np.array([2, 0])], array[[3, 5]])
        assert chosen[3:].shape == (0, 2, 3)
