"""Writes files for `torch.load(weights_only=True)` without torch.

The format is that of torch.save since 1.6: an uncompressed zip archive of `archive/data.pkl`, a pickle that rebuilds an
OrderedDict of tensors with torch's own functions, and one entry `archive/data/K` of bytes for each tensor.
"""

import pathlib
import struct
import zipfile
from collections.abc import Iterable

import numpy as np

from t2f_jax.io.pickle_values import row_major
from t2f_jax.io.pickles import STORAGES

_STORAGE_OF = {dtype: storage for storage, dtype in STORAGES.items()}
_ALIGNMENT = 64  # bytes, so that storages can be memory-mapped
_DATE = (1980, 1, 1, 0, 0, 0)  # constant, so that the same tensors give the same bytes


def write(path: pathlib.Path, tensors: Iterable[tuple[str, np.ndarray]], key: str | None = None) -> None:
    """Writes name-array pairs as a file of torch.save; only one array needs to be in memory at a time.

    Args:
      key: the dictionary of tensors becomes the value of this key in another one ("state_dict"); None: not nested.

    Raises:
      KeyError: an array of a type that torch does not have.
    """
    pickle = [b"\x80\x02", b"" if key is None else b"}" + _text(key), _name("collections OrderedDict"), b")R("]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number, (name, array) in enumerate(tensors):
            pickle += [_text(name), _tensor(number, array)]
            _entry(archive, f"archive/data/{number}", np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        pickle += [b"u", b"" if key is None else b"s", b"."]
        _entry(archive, "archive/data.pkl", b"".join(pickle))
        _entry(archive, "archive/byteorder", b"little")
        _entry(archive, "archive/version", b"3\n")


def _entry(archive: zipfile.ZipFile, name: str, data: bytes | memoryview) -> None:
    info = zipfile.ZipInfo(name, _DATE)
    info.file_size = len(data)
    assert archive.fp
    header = archive.fp.tell() + 30 + len(name) + 4  # the extra field's own header has 4 bytes
    padding = -header % _ALIGNMENT
    info.extra = struct.pack("<2sH", b"FB", padding) + b"\0" * padding
    with archive.open(info, "w") as entry:
        entry.write(data)


def _tensor(number: int, array: np.ndarray) -> bytes:
    """Opcodes of torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())."""
    return b"".join(
        [
            _name("torch._utils _rebuild_tensor_v2"),
            b"((" + _text("storage"),
            _name(f"torch {_STORAGE_OF[array.dtype.name]}"),
            _text(str(number)) + _text("cpu") + _int(array.size) + b"tQ",
            _int(0),
            b"(" + b"".join(map(_int, array.shape)) + b"t",
            b"(" + b"".join(map(_int, row_major(array.shape))) + b"t",
            b"\x89" + _name("collections OrderedDict") + b")RtR",
        ]
    )


def _name(module_and_name: str) -> bytes:
    return b"c" + module_and_name.replace(" ", "\n").encode() + b"\n"


def _text(text: str) -> bytes:
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _int(value: int) -> bytes:
    if value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x08" + struct.pack("<q", value)
