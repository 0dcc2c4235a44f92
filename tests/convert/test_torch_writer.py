"""Files written as torch writes them: read back bit for bit, by this package and by torch."""

import numpy as np
import pytest
from torch_files import ARRAYS

from t2f_jax.convert import torch_writer
from t2f_jax.io.torch_reader import TorchFile


@pytest.mark.parametrize("key", [None, "state_dict"])
def test_what_is_written_is_read_bit_for_bit(tmp_path, key):
    torch_writer.write(tmp_path / "a.bin", ARRAYS.items(), key)
    torch_writer.write(tmp_path / "b.bin", ARRAYS.items(), key)
    file = TorchFile(tmp_path / "a.bin")
    assert list(file.tensors) == list(ARRAYS) and not file.placeholders
    for name, array in ARRAYS.items():
        value = file.read(name)
        assert value.dtype == array.dtype and value.shape == array.shape
        np.testing.assert_array_equal(value, array)
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()


def test_torch_opens_what_is_written(tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[torch]'")
    torch_writer.write(tmp_path / "a.bin", ARRAYS.items())
    for mapped in (False, True):
        state = torch.load(tmp_path / "a.bin", weights_only=True, mmap=mapped)
        assert list(state) == list(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(state[name].numpy(), array)
    torch_writer.write(tmp_path / "a.ckpt", ARRAYS.items(), "state_dict")
    assert list(torch.load(tmp_path / "a.ckpt", weights_only=True)["state_dict"]) == list(ARRAYS)
