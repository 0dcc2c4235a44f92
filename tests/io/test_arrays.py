"""Arrays that are mapped into memory: their space is taken at once, and what was cut is refused."""

import numpy as np
import pytest

from t2f_jax.errors import UserError
from t2f_jax.io import arrays


@pytest.mark.parametrize("reserves", [True, False])
def test_an_array_takes_all_its_space_at_once(reserves, tmp_path, monkeypatch):
    if not reserves:
        monkeypatch.delattr("os.posix_fallocate", raising=False)  # as on macOS and Windows
    array = arrays.create_array(tmp_path / "a.npy", np.uint8, (300, 1000))
    assert (tmp_path / "a.npy").stat().st_blocks * 512 >= 300_000 and not array.any()
    array[-1, -1] = 7
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
