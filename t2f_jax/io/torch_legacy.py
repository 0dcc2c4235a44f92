"""Files of torch.save before 1.6 (LPIPS's heads, torchvision's older weights): offsets of the tensors in them.

Five consecutive pickles: a magic number, the version 1001, facts about the machine, the saved value, and the list of
its storages' keys. After them, for each key in that order, the number of values (int64) and the values. Like the pickle
in a zip archive, these are read as inert data (`pickles`); nothing is imported or called.
"""

import io
import pathlib

from t2f_jax.errors import UserError
from t2f_jax.io import pickles
from t2f_jax.io.zip_files import Entry, shown

START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the pickle of the magic number
_VERSION = 1001
_SIZES = {"bool": 1, "bfloat16": 2, "complex64": 8, "complex128": 16, "qint8": 1, "quint8": 1, "qint32": 4}


def read(path: pathlib.Path) -> tuple[pickles.Described, dict[str, Entry]]:
    """-> (description of the file's value, storage key -> position of its bytes).

    Raises:
      UserError: a truncated or damaged file, or one of a big-endian machine.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = io.BytesIO(file.read(pickles.LONGEST))
        _, version, machine, described, keys = (pickles.load_from(head, str(path)) for _ in range(5))
        if version.value != _VERSION:
            raise UserError(f"{path}: a torch file of the unknown version {shown(str(version.value))}")
        if isinstance(machine.value, dict) and machine.value.get("little_endian") is False:
            raise UserError(f"{path}: written on a big-endian machine; save it again on another one")
        if not isinstance(keys.value, list):
            raise UserError(f"{path}: a damaged torch file: no list of storages behind its description")
        place, entries = head.tell(), {}
        for key in keys.value:
            if not isinstance(key, str) or key not in described.storages or key in entries:
                raise UserError(f"{path}: a damaged torch file: storage {shown(str(key))} is unknown or listed twice")
            dtype = described.storages[key].dtype
            file.seek(place)
            count = int.from_bytes(file.read(8), "little", signed=True)
            width = _width(dtype)
            if not width:
                raise UserError(f"{path}: storage {shown(key)} is of type {dtype}, which is not read")
            if count < 0 or place + 8 + count * width > size:
                raise UserError(f"{path}: cut off or damaged: storage {shown(key)} reaches beyond its {size} bytes")
            entries[key] = Entry(place + 8, count * width, None)
            place += 8 + count * width
    return described, entries


def _width(dtype: str | None) -> int:
    """Bytes of a value; 0: unknown."""
    if dtype is None or dtype in _SIZES:
        return _SIZES.get(dtype or "", 0)
    digits = dtype.lstrip("abcdefghijklmnopqrstuvwxyz")
    return int(digits) // 8 if digits.isdecimal() else 0
