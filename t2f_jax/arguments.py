"""Checks of the arguments of Python calls. Each returns plain Python types or raises `WrongArgument`, naming it."""

import math
import operator
import os
import pathlib
import reprlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sized
from typing import Any, TypeVar

import numpy as np

from t2f_jax.errors import WrongArgument, nearest

LARGEST_SEED = 2**32 - 1
Kind = TypeVar("Kind")

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60


def shown(value: object) -> str:
    """A value as messages show it: in one line; an array by its type and shape."""
    shape = getattr(value, "shape", ())
    if shape:
        return f"{type(value).__name__} of {getattr(value, 'dtype', '')} {[*shape]}"
    return " ".join(_short.repr(value).split())


def wrong(name: str, value: object, right: str) -> WrongArgument:
    """The error for a wrong argument: `right` says what it must be."""
    return WrongArgument(f"{name}={shown(value)} must be {right}")


# ----- numbers -----


def _is_number(value: object) -> bool:
    """Whether a value has a numeric type of Python, numpy, JAX or torch; bools and complex numbers do not count."""
    dtype = str(getattr(value, "dtype", "float"))
    return not isinstance(value, bool) and ("int" in dtype or "float" in dtype)


def whole_number(name: str, value: Any, low: int, high: int | None = None) -> int:
    """A whole number from `low` to `high` (both allowed), of any integer type."""
    try:
        number = operator.index(value)
    except TypeError:
        number = low - 1
    if not _is_number(value) or number < low or (high is not None and number > high):
        raise wrong(name, value, f"a whole number from {low} {'on' if high is None else f'to {high}'}")
    return number


def number(name: str, value: Any, fits: Callable[[float], bool], right: str) -> float:
    """A finite number of any real type for which `fits` holds; `right` says so in words. An int stays an int."""
    try:
        plain = value.__float__()
        fine = _is_number(value) and math.isfinite(plain) and fits(plain)
    except (AttributeError, TypeError, ValueError, OverflowError):
        fine = False
    if not fine:
        raise wrong(name, value, f"a number {right}")
    return value if type(value) is int else plain


def share(name: str, value: Any) -> float:
    """A number above 0 and below 1."""
    return number(name, value, lambda x: 0 < x < 1, "above 0 and below 1")


def batch_size(value: Any) -> int:
    """Number of items computed at once, at least 1."""
    return whole_number("batch_size", value, 1)


def first_seed(value: Any, n: int) -> int:
    """The first of n consecutive seeds; the last must be a valid seed, too."""
    n = whole_number("n", n, 1, LARGEST_SEED + 1)
    return whole_number("seed", value, 0, LARGEST_SEED + 1 - n)


def seeds(value: Any, count: int) -> list[int]:
    """One seed for each of `count` faces."""
    numbers = items("seeds", value, "a list of whole numbers")
    one_each("seeds", numbers, count)
    return [whole_number(f"seeds[{i}]", seed, 0, LARGEST_SEED) for i, seed in enumerate(numbers)]


# ----- words -----


def text(name: str, value: Any) -> str:
    """A str, empty or not, of valid Unicode characters."""
    if not isinstance(value, str):
        raise wrong(name, value, "a str")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise WrongArgument(
            f"{name}={value!r}: invalid character at position {error.start}; write it in UTF-8"
        ) from None
    return str(value)


def texts(name: str, value: Any) -> list[str]:
    """One str or several."""
    if isinstance(value, str):
        return [text(name, value)]
    return [text(f"{name}[{i}]", one) for i, one in enumerate(items(name, value, "a str or a list of str"))]


def choice(name: str, value: Any, known: Collection[str]) -> str:
    """One of the `known` words; the error message names the nearest."""
    if not isinstance(value, str) or value not in known:
        near = nearest(str(value), known, 0.6)
        raise wrong(name, value, f"one of {', '.join(known)}" + (f"; did you mean '{near}'?" if near else ""))
    return str(value)


# ----- several things, and other things -----


def items(name: str, value: Any, right: str) -> list[Any]:
    """The items of a list, an array or another iterable, but not of a str, bytes or a mapping."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray, Mapping)):
        try:
            return list(iter(value))
        except TypeError:  # an array without axes, which has no items
            pass
    raise wrong(name, value, right)


def one_each(name: str, given: Sized, count: int, of: str = "faces") -> None:
    """Checks that there is one item for each of the `count` faces, or of what `of` names."""
    if len(given) != count:
        raise WrongArgument(f"{len(given)} {name} for {count} {of}; give one for each")


def mapping(name: str, value: Any, example: str) -> Mapping[str, Any]:
    """A mapping whose keys are names; `example` is one for the message."""
    if not isinstance(value, Mapping):
        raise wrong(name, value, f"a mapping such as {example}")
    for key in value:
        if not isinstance(key, str):
            raise WrongArgument(f"{name}: the name {shown(key)} must be a str, as in {example}")
    return value


def instance(name: str, value: Any, kind: type[Kind], right: str = "") -> Kind:
    """An instance of a class; `right` says how to make one."""
    if not isinstance(value, kind):
        raise wrong(name, value, f"of type {kind.__name__}" + (f"; {right}" if right else ""))
    return value


def path(name: str, value: Any) -> pathlib.Path:
    """A path that a file can have; `~` is the home folder."""
    if not isinstance(value, (str, os.PathLike)) or isinstance(os.fspath(value), bytes):
        raise wrong(name, value, "a path, a str or a pathlib.Path")
    try:
        if not os.fspath(value):
            raise wrong(name, value, "a path, such as '.' for the working directory")
        if b"\0" in os.fsencode(value):
            raise wrong(name, value, "a path without null bytes")
    except UnicodeEncodeError:  # half a surrogate pair that encodes no byte
        raise wrong(name, value, "a path of valid characters") from None
    return pathlib.Path(os.path.expanduser(value))


def array(name: str, value: Any, kind: type[np.generic], shape: tuple[int | str, ...], what: str) -> np.ndarray:
    """An array of numpy, JAX or torch, or nested lists, as a numpy array of a shape; a letter stands for any size.

    Args:
      kind: numpy's type of its values, or a class of types.
      what: its values in words, for the message.
    """
    right = f"{what} [{', '.join(map(str, shape))}]"
    try:
        values = np.asarray(value)
    except Exception as error:  # another library's own error, or lists of different lengths
        raise WrongArgument(f"{name} must be {right}; the given value is not an array ({error})") from error
    fits = values.ndim == len(shape) and all(isinstance(n, str) or n == m for n, m in zip(shape, values.shape))
    if not fits or not np.issubdtype(values.dtype, kind):
        raise WrongArgument(f"{name} must be {right}, got {values.dtype} {[*values.shape]}")
    return values
