"""Compares a file's tensors with those that a model needs: every difference is reported, none is ignored."""

import fnmatch
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from t2f_jax.convert.names import Name, fresh
from t2f_jax.errors import UserError
from t2f_jax.io.pickle_values import Tensor
from t2f_jax.io.progress import say
from t2f_jax.io.weights import check_finite
from t2f_jax.io.zip_files import shown

_MOST_ROWS = 40  # of a table
_FLOATS = ("float16", "bfloat16", "float32", "float64")
_HINTS = {
    "missing": "What may be missing can be given as --allow-missing PATTERN",
    "unexpected": "What the model does not need can be given as --ignore PATTERN",
}


def match(
    path: pathlib.Path,
    names: Sequence[Name],
    tensors: Mapping[str, Tensor],
    allow_missing: Sequence[str],
) -> set[str]:
    """Checks that a file has every tensor of `names` with its shape, and no other.

    Prints a table of the differences on stderr, and a warning that lists the allowed missing tensors.

    Args:
      tensors: those of the file, by the original's name.
      allow_missing: patterns ("encoder.layer_norm.*") of names that may be missing.

    Returns:
      The missing names that a pattern allows.

    Raises:
      UserError: a tensor is missing, unexpected or of a wrong shape; raised after the table of all.
    """
    wanted = {name.original: name.shape for name in names}
    absent = [name for name in wanted if name not in tensors]
    allowed = {name for name in absent if any(fnmatch.fnmatchcase(name, pattern) for pattern in allow_missing)}
    rows = [("missing", name, f"{wanted[name]}") for name in absent if name not in allowed]
    rows += [("unexpected", name, f"{tensors[name].shape}") for name in tensors if name not in wanted]
    for name, shape in wanted.items():
        if name in tensors and tensors[name].shape != shape:
            rows.append(("misshapen", name, f"{tensors[name].shape} instead of {shape}"))
        elif name in tensors and tensors[name].dtype not in _FLOATS:
            rows.append(("mistyped", name, f"{tensors[name].dtype} instead of a float"))
    if rows:
        say(f"{path}:")
        for kind, name, what in rows[:_MOST_ROWS]:
            say(f"  {kind:10}  {shown(name)[1:-1]:64}  {what}")
        if len(rows) > _MOST_ROWS:
            say(f"  ... and {len(rows) - _MOST_ROWS} more")
        kinds = [kind for kind, _, _ in rows]
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        raise UserError(
            f"{path}: tensors that do not fit: {counts}; the first: {rows[0][0]} {shown(rows[0][1])}."
            f" {' and '.join(_HINTS[kind] for kind in _HINTS if kind in kinds) or 'Give the file of another model'}"
        )
    if allowed:
        say(
            f"WARNING: {path}: {len(allowed)} of {len(wanted)} tensors are missing, as allowed, and INITIALIZED AT"
            " RANDOM:"
        )
        for name in sorted(allowed)[:_MOST_ROWS]:
            say(f"  {name}")
    return allowed


def reader(
    path: pathlib.Path, read: Callable[[str], np.ndarray], files: Mapping[str, str], allowed: set[str], seed: int = 0
) -> Callable[[Name], np.ndarray]:
    """-> a function for `names.to_ours`: returns a tensor of the file, or random values for one of the `allowed`.

    That function raises UserError for a tensor with NaN, infinity, or a number too large for float32.

    Args:
      path: the file, for messages.
      read: returns the file's tensor with a name.
      files: the original's name -> the name in the file.
      allowed: names that are missing.
    """
    rng = np.random.default_rng(seed)

    def value(name: Name) -> np.ndarray:
        if name.original in allowed:
            return fresh(name, rng)
        with np.errstate(over="ignore"):  # numbers too large for float32 become infinity
            values = read(files[name.original]).astype(np.float32, copy=False)
        check_finite(f"{path}: tensor {shown(files[name.original])}", values)
        return values

    return value
