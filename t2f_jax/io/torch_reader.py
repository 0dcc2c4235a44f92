"""Reads files of torch.save without torch: names, shapes and types at once, each tensor's values on demand.

Since torch 1.6 such a file is a zip archive: NAME/data.pkl describes the tensors, NAME/data/KEY contains their bytes;
`torch_legacy` reads older ones. `pickles` reads the description without importing or calling anything; a tensor's bytes
are read from their position in the file, so only one tensor needs to be in memory at a time.
"""

import collections
import math
import pathlib
import zlib
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np

from t2f_jax.errors import UserError
from t2f_jax.io import file_kinds, pickle_values, pickles, torch_legacy, zip_files
from t2f_jax.io.files import no_file
from t2f_jax.io.pickle_values import Tensor, row_major
from t2f_jax.io.zip_files import shown

_RESAVE = "with torch 1.6 or later: torch.save(torch.load(FILE, map_location='cpu', weights_only=True), NEW)"
# Keys under which files store a state dictionary; in some files they are nested.
_DICTIONARIES = ("state_dict", "model", "model_state_dict", "module", "params", "weights", "net")
MOST_SHARING = 4  # how often tensors may read a file's bytes in total, since tied weights share theirs


class TorchFile:
    """The tensors of a state dictionary in a file of torch.save.

    The dictionary is the pickled value itself, or its "state_dict" (PyTorch Lightning's checkpoints) or "model".

    Attributes:
      path: the file.
      tensors: name -> description, in the file's order.
      placeholders: names that the rest of a Lightning file wants to import; nothing is imported.

    Raises:
      UserError: a missing, truncated, damaged or malicious file, one without a dictionary of tensors, a tensor that is
        not within its storage; the message names the file and the tensor.
    """

    def __init__(self, path: pathlib.Path):
        self.path = path = pathlib.Path(path)
        if wrong := no_file(path):
            raise UserError(f"{path}: {wrong}; give a file of torch")
        with path.open("rb") as file:
            start = file.read(len(torch_legacy.START))
        if start == torch_legacy.START:
            described, self._storages = torch_legacy.read(path)
        elif start.startswith(b"PK\3\4"):
            described, self._storages = _read_archive(path)
        else:
            raise UserError(f"{path}: not a file of torch.save ({describe_start(path)}); give a .bin, .ckpt or .pth")
        value, unknown = described.value, described.unknown
        self.tensors, wrapped = self._dictionary(value, unknown)
        self.placeholders = unknown if wrapped else []
        sizes = {name: self._check(name, tensor) for name, tensor in self.tensors.items()}
        if sum(sizes.values()) > MOST_SHARING * path.stat().st_size:
            raise UserError(
                f"{path}: its {len(sizes)} tensors claim {sum(sizes.values())} bytes of a file of"
                f" {path.stat().st_size}; save it again with tensors that have storages of their own"
            )

    def read(self, name: str) -> np.ndarray:
        """The values of a tensor, in its shape and type. Raises UserError if they are damaged."""
        tensor = self.tensors[name]
        if tensor.dtype not in pickles.READABLE:
            raise UserError(f"{self.path}: tensor {shown(name)} is of type {tensor.dtype}, which is not read")
        entry, dtype = self._storages[tensor.storage.key], _dtype(tensor)
        if math.prod(tensor.shape) == 0:
            return np.zeros(tensor.shape, dtype)
        extent = _extent(tensor)
        data = np.fromfile(
            self.path, np.uint8, extent * dtype.itemsize, offset=entry.offset + tensor.offset * dtype.itemsize
        )
        if data.size != extent * dtype.itemsize:
            raise UserError(f"{self.path}: tensor {shown(name)} is cut off; the file was changed while it was read")
        if entry.crc is not None and data.size == entry.size and zlib.crc32(data.data) != entry.crc:
            raise UserError(
                f"{self.path}: tensor {shown(name)} is damaged (its checksum is wrong); fetch the file again"
            )
        values = data.view(dtype)
        if tensor.strides == row_major(tensor.shape):
            return values.reshape(tensor.shape)
        strides = [stride * dtype.itemsize for stride in tensor.strides]
        return np.lib.stride_tricks.as_strided(values, tensor.shape, strides).copy()

    def _dictionary(self, value: Any, unknown: list[str]) -> tuple[dict[str, Tensor], bool]:
        """-> (name -> tensor, is the dictionary inside something else?)."""
        tensors, wrapped = value, False
        while isinstance(tensors, dict) and not any(isinstance(inner, Tensor) for inner in tensors.values()):
            key = next((key for key in _DICTIONARIES if isinstance(tensors.get(key), dict)), None)
            if key is None:
                break
            tensors, wrapped = tensors[key], True
        if not isinstance(tensors, dict):
            named = f" but {', '.join(map(shown, unknown[:5]))}, which was not run" if unknown else ""
            raise UserError(f"{self.path}: it does not hold a dictionary of tensors{named}; give a saved state_dict")
        if not tensors:
            raise UserError(f"{self.path}: its dictionary of tensors is empty; give a saved state_dict")
        for name, tensor in tensors.items():
            if not isinstance(name, str) or not isinstance(tensor, Tensor):
                raise UserError(
                    f"{self.path}: {shown(str(name) if isinstance(name, (str, int)) else type(name).__name__)} is"
                    f" {_what(tensor)}, not a tensor; nothing in it was run. Give a saved state_dict"
                )
        if unknown and not wrapped:
            names = ", ".join(map(shown, unknown[:5]))
            raise UserError(f"{self.path}: names {names}, which no tensor needs; refused, and nothing in it was run")
        return tensors, wrapped

    def _check(self, name: str, tensor: Tensor) -> int:
        """Checks that the tensor is within its storage. Returns its size in bytes."""
        where = f"{self.path}: tensor {shown(name)}"
        if tensor.storage.key not in self._storages:
            raise UserError(f"{where}: its storage {shown(tensor.storage.key)} is missing")
        if tensor.dtype not in pickles.READABLE:
            return 0  # raises when it is read
        held = self._storages[tensor.storage.key].size // _dtype(tensor).itemsize
        count = math.prod(tensor.shape)
        if count and tensor.offset + _extent(tensor) > held:
            raise UserError(
                f"{where} of shape {tensor.shape} reaches to value {tensor.offset + _extent(tensor)} of its storage,"
                f" which holds {held} of type {tensor.dtype}"
            )
        if count > held:
            raise UserError(
                f"{where} of shape {tensor.shape} repeats the {held} values of its storage; save a copy of it"
                " (tensor.contiguous())"
            )
        return count * _dtype(tensor).itemsize


def describe_start(path: pathlib.Path) -> str:
    """The kind of a file by its first bytes, for a message: "an empty file", "a web page", ..."""
    kind = file_kinds.foreign(path)
    if kind:
        return kind
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"\x80"):
        return "a pickle, but none of torch.save"
    if start[8:9] == b"{":
        return "a safetensors file: save it again by torch.save(safetensors.torch.load_file(FILE), NEW)"
    return "it begins as no zip archive does"


def _read_archive(path: pathlib.Path) -> tuple[pickles.Described, dict[str, zip_files.Entry]]:
    """The description in a zip archive of torch.save, and storage key -> entry."""
    entries = zip_files.read_directory(path)
    described = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(described) != 1:
        raise UserError(f"{path}: not a file of torch.save ({len(described)} entries NAME/data.pkl instead of one)")
    root = described[0].removesuffix("data.pkl")
    order = entries.get(root + "byteorder")
    if order and order.size < 16 and zip_files.read_entry(path, order) != b"little":
        raise UserError(f"{path}: written on a big-endian machine; save it again {_RESAVE} on another one")
    description = entries[described[0]]
    if description.size > pickles.LONGEST:
        raise UserError(f"{path}: {shown(described[0])} has {description.size} bytes, more than describes any model")
    loaded = pickles.load(zip_files.read_entry(path, description), f"{path}: {shown(described[0])}")
    data = f"{root}data/"
    return loaded, {name.removeprefix(data): entry for name, entry in entries.items() if name.startswith(data)}


def summary(names: list[str]) -> str:
    """Placeholders as a line: the first few, and the number of others."""
    first = ", ".join(shown(name).strip("'") for name in names[:8])
    return first + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _dtype(tensor: Tensor) -> np.dtype:
    return np.dtype(ml_dtypes.bfloat16 if tensor.dtype == "bfloat16" else tensor.dtype)


def _extent(tensor: Tensor) -> int:
    """Number of values from the tensor's first one to its last, inclusive."""
    return 1 + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides))


def _what(value: Any) -> str:
    """Describes a value that is not a tensor, for a message; names a `Global` at any depth inside it."""
    queue, seen = collections.deque([value]), 0
    while queue and seen < 10_000:
        item = queue.popleft()
        seen += 1
        if isinstance(item, (pickle_values.Global, pickle_values.Opaque)):
            inside = "" if item is value else f"a {type(value).__name__} that holds "
            return f"{inside}{shown(item.name)}"
        if isinstance(item, (tuple, list)):
            queue.extend(item)
        elif isinstance(item, Mapping):
            queue.extend(item.values())
    return f"a {type(value).__name__}"
