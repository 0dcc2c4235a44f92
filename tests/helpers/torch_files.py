"""Torch files for tests: archives of any pickle, including broken and malicious ones."""

import os
import zipfile

import numpy as np
import pytest

from t2f_jax.convert import torch_writer
from t2f_jax.errors import UserError
from t2f_jax.io.torch_reader import TorchFile

ARRAYS = {
    "plain": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scalar": np.float32(3.5).reshape(()),
    "empty": np.zeros((0, 4), np.float32),
    "half": np.array([1.5, -2], np.float16),
    "double": np.array([[np.pi]]),
    "long": np.array([2**40, -1]),
    "bool": np.array([True, False]),
    "transposed": np.arange(12, dtype=np.float32).reshape(3, 4).T,
}


def archive(path, pickle, storages=(), compression=zipfile.ZIP_STORED):
    """A torch archive of any pickle; `storages` are the bytes of data/0, data/1, ..."""
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("archive/data.pkl", pickle)
        file.writestr("archive/version", "3\n")
        for number, data in enumerate(storages):
            file.writestr(f"archive/data/{number}", data)
    return path


def tensor(key="0", shape=(2, 3), strides=(3, 1), offset=0, storage="FloatStorage"):
    """Opcodes that rebuild one tensor."""
    sizes = b"".join(b"(" + b"".join(torch_writer._int(n) for n in numbers) + b"t" for numbers in (shape, strides))
    return b"".join(
        [
            torch_writer._name("torch._utils _rebuild_tensor_v2") + b"((",
            torch_writer._text("storage") + torch_writer._name(f"torch {storage}"),
            torch_writer._text(key) + torch_writer._text("cpu") + torch_writer._int(6) + b"tQ",
            torch_writer._int(offset) + sizes + b"\x89}tR",
        ]
    )


def dictionary(**values):
    """The pickle of a dictionary whose values are opcodes."""
    items = b"".join(torch_writer._text(key) + value for key, value in values.items())
    return b"\x80\x02}(" + items + b"u."


def refuse(path, match):
    """Asserts that a file is refused in one line that names it and matches; returns the line."""
    with pytest.raises(UserError, match=match) as caught:
        file = TorchFile(path)
        for name in file.tensors:
            file.read(name)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


class Gadget:
    """Unpickling it would create the file `path`."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)
