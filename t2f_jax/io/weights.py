"""Parameters as safetensors files: unchanged, or rounded to half or a quarter of the size.

Matrices and tables are rounded; vectors (norms, biases) stay float32. Loaded weights are float32 again, so rounding
saves disk, download and page cache, but no time: on CPUs XLA multiplies rounded weights with float32 rows more slowly
than float32 ones (for one row of a 768-wide model bfloat16 takes 1.4 times as long, int8 1.5 times).
"""

import json
import pathlib
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import jax
import ml_dtypes
import numpy as np
from flax import traverse_util

from t2f_jax.errors import UserError
from t2f_jax.io.file_kinds import foreign
from t2f_jax.io.files import no_file
from t2f_jax.io.torch_reader import TorchFile

_TYPES = {
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I8": np.dtype(np.int8),
}
_TORCH = (".pth", ".pt", ".bin", ".ckpt")
_SCALE = ".int8_scale"  # added to the name of a rounded tensor


def save_params(path: pathlib.Path, params: Any, kind: str = "float32") -> None:
    """Writes a nested parameter dictionary as safetensors, names joined by dots.

    Args:
      kind: "float32": values bit for bit, whatever their type. "bfloat16": matrices rounded to the nearest. "int8":
        matrices in 255 equal steps; the step is chosen for each output (column of a kernel, row of a table) and
        stored as `NAME.int8_scale`, float32 [outputs].
    """
    flat = {
        name: np.asarray(jax.device_get(value)) for name, value in traverse_util.flatten_dict(params, sep=".").items()
    }
    rounded: dict[str, np.ndarray] = {}
    for name, value in flat.items():
        if kind == "float32" or value.ndim != 2:
            rounded[name] = value
        elif kind == "bfloat16":
            rounded[name] = value.astype(ml_dtypes.bfloat16)
        else:
            scale = np.abs(value).max(_inputs(name), keepdims=True).astype(np.float32) / 127
            rounded[name] = np.round(value / np.where(scale > 0, scale, 1)).astype(np.int8)
            rounded[name + _SCALE] = scale.reshape(-1)
    write_tensors(path, rounded)


def write_tensors(path: pathlib.Path, tensors: Mapping[str, np.ndarray], about: dict[str, str] | None = None) -> None:
    """Writes a safetensors file with the default permissions; the library would make it readable only for its owner.

    Args:
      about: its metadata.
    """
    from safetensors.numpy import save_file

    path.touch()
    mode = path.stat().st_mode
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, path, metadata=about)
    path.chmod(mode)


def _inputs(name: str) -> int:
    """The axis that a product sums over: the first of a kernel, the last of a table."""
    return 0 if name.endswith("kernel") else 1


def load_params(path: pathlib.Path, expected: Any) -> Any:
    """Reads safetensors into a nested dictionary of the structure and shapes of `expected` (abstract arrays).

    float32 tensors are memory-mapped and read when they are used; rounded ones are read and converted to float32.

    Raises:
      UserError: no such file, a broken one, tensors that are missing, unexpected or of a wrong shape (the first are
        named), or NaN or infinity in a tensor.
    """
    flat = _map_tensors(path)
    scales = {name.removesuffix(_SCALE): flat.pop(name) for name in list(flat) if name.endswith(_SCALE)}
    shapes: dict[str, Any] = traverse_util.flatten_dict(expected, sep=".")
    wanted = {k: tuple(v.shape) for k, v in shapes.items()}
    missing, unexpected = sorted(wanted.keys() - flat.keys()), sorted(flat.keys() - wanted.keys())
    wrong = [f"{k} is {flat[k].shape}, not {s}" for k, s in wanted.items() if k in flat and flat[k].shape != s]
    missing += [name + _SCALE for name, value in flat.items() if value.dtype == np.int8 and name not in scales]
    unexpected += [name + _SCALE for name in scales if name not in flat or flat[name].dtype != np.int8]
    for what, names in (("missing", missing), ("unexpected", unexpected), ("misshapen", wrong)):
        if names:
            raise UserError(
                f"{path}: {len(names)} tensors {what} for its config.json, the first: {', '.join(names[:3])}"
            )
    for name, value in flat.items():
        if value.dtype == np.int8:
            flat[name] = value.astype(np.float32) * np.expand_dims(scales[name], _inputs(name))
        elif value.dtype != np.float32:
            flat[name] = value.astype(np.float32)
        check_finite(f"{path}: tensor '{name}'", flat[name])
    return traverse_util.unflatten_dict(flat, sep=".")


def check_finite(where: str, values: np.ndarray) -> None:
    """Raises UserError, naming `where`, if a number is NaN or infinite; takes only one sum if none is."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()) or np.isfinite(values).all():  # a sum of finite numbers may overflow
            return
    wrong = ~np.isfinite(values)
    place = [int(i) for i in np.argwhere(wrong)[0]]
    raise UserError(
        f"{where} holds NaN or infinity ({wrong.sum()} of {values.size} values, the first at {place}); results"
        " computed with it are meaningless. Get the file again, or an earlier checkpoint"
    )


def _map_tensors(path: pathlib.Path, is_wanted: Callable[[str], bool] = lambda name: True) -> dict[str, np.ndarray]:
    """The wanted tensors of a safetensors file, memory-mapped: they are read when they are used.

    safetensors' own reader for NumPy copies each tensor, so the whole model would be read, and be in memory twice
    while JAX copies it. Here the library only checks the file, and this function reads the offsets.

    Raises:
      UserError: no such file, a broken one, or a type other than those of `save_params`.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise UserError(f"{path}: this part of the model is missing; a model folder holds it beside config.json")
    try:
        with safe_open(path, "np") as checked:  # header, offsets and size agree
            checked.keys()
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path}: not a whole safetensors file ({foreign(path) or error})") from error
    file = np.memmap(path, np.uint8, "r")
    start = 8 + int.from_bytes(file[:8].tobytes(), "little")
    header = json.loads(file[8:start].tobytes())
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if not is_wanted(name):
            continue
        first, last = (start + offset for offset in entry["data_offsets"])
        if entry["dtype"] not in _TYPES:
            raise UserError(f"{path}: tensor {name} is {entry['dtype']}; the types read are {', '.join(_TYPES)}")
        tensors[name] = file[first:last].view(_TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def load_tensors(path: pathlib.Path, is_wanted: Callable[[str], bool] = lambda name: True) -> dict[str, np.ndarray]:
    """Name -> tensor, from a .npz or .safetensors file or one of torch.save that another program wrote.

    Args:
      is_wanted: selects tensors by their names; from a torch or safetensors file only these are read.

    Raises:
      UserError: no such file, another type of file, a broken one, or NaN or infinity in a tensor.
    """
    if wrong := no_file(path):
        raise UserError(f"{path}: {wrong}; give a .npz, .safetensors or torch file")
    if path.suffix.lower() not in (".npz", ".safetensors", *_TORCH):
        kind = foreign(path)
        what = f"it is {kind}; it must be" if kind else "must be"
        raise UserError(f"{path}: {what} a .npz or .safetensors file, or one of torch.save ({', '.join(_TORCH)})")
    if path.suffix.lower() in _TORCH:
        file = TorchFile(path)
        tensors = {name: file.read(name) for name in file.tensors if is_wanted(name)}
    elif path.suffix.lower() == ".safetensors":
        tensors = _map_tensors(path, is_wanted)
    elif not zipfile.is_zipfile(path):
        raise UserError(f"{path}: not a whole .npz file ({foreign(path) or 'it is not a zip archive'}); get it again")
    else:
        try:
            with np.load(path) as archive:
                tensors = dict(archive)
        except Exception as error:  # NumPy, zipfile and zlib raise many types for a truncated or foreign file
            raise UserError(f"{path}: not a whole .npz file ({type(error).__name__}: {error})") from error
    tensors = {name: value for name, value in tensors.items() if is_wanted(name)}
    for name, value in tensors.items():
        if not (np.issubdtype(value.dtype, np.number) or value.dtype == ml_dtypes.bfloat16):
            raise UserError(f"{path}: '{name}' holds no numbers but {value.dtype}")
        check_finite(f"{path}: tensor '{name}'", value)
    return tensors
