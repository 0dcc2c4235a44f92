"""Conversion of plain dictionaries to config dataclasses, with every key, type and value checked, and back.

The check reads only the fields' types: `Literal["l1", "l2"]` lists choices, `Annotated[int, Range(1, 9)]` bounds a
number. By other marks in an `Annotated`, `to_dict` and `marked` select fields.
"""

import dataclasses
import math
import reprlib
import sys
import typing
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from t2f_jax.errors import WrongArgument, nearest


@dataclasses.dataclass(frozen=True)
class Range:
    """Smallest and largest value of a number, both allowed."""

    low: float
    high: float


SPARSE = "sparse"  # marks a field that is recorded only if it differs from its default: older records stay the same


def to_dict(config: Any, without: Collection[Any] = ()) -> dict[str, Any]:
    """Converts a config dataclass to a plain JSON-able dictionary (tuples become lists).

    Args:
      without: fields whose type has one of these marks are left out, at any depth. A `SPARSE` field with its default
        value is always left out.
    """

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value):
            return to_dict(value, without)
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, tuple) else value

    defaults = {field.name: field.default for field in dataclasses.fields(config)}

    def is_told(name: str, hint: Any) -> bool:
        marks = split_marks(hint)[1]
        usual = SPARSE in marks and getattr(config, name) == defaults[name]
        return not usual and not any(mark in without for mark in marks)

    return {
        name: plain(getattr(config, name)) for name, hint in field_types(type(config)).items() if is_told(name, hint)
    }


def marked(cls: type, mark: Any) -> set[str]:
    """Names of the fields of `cls`, and of the dataclasses inside it, whose type has a mark."""
    names: set[str] = set()
    for name, hint in field_types(cls).items():
        kind, marks = split_marks(hint)
        names |= {name} if mark in marks else set()
        for inner in (kind, *typing.get_args(kind)):
            if isinstance(inner, type) and dataclasses.is_dataclass(inner):
                names |= marked(inner, mark)
    return names


def from_dict(cls: type, values: Any, where: str = "") -> Any:
    """Converts a plain dictionary to the dataclass `cls`; checks every key, type, choice and range.

    Args:
      where: prefix of the keys in messages, such as "decoder.".

    Raises:
      WrongArgument: an unknown key (the message names the nearest one), a missing one without a default, or a value of
        the wrong type or outside its choices or range.
    """
    hints = field_types(cls)
    values = _named(values, where.rstrip("."))
    for key in values:
        if key not in hints:
            raise WrongArgument(unknown(f"{where}{key}", [where + k for k in hints]))
    for field in dataclasses.fields(cls):
        if field.name not in values and field.default is field.default_factory is dataclasses.MISSING:
            raise WrongArgument(f"config key '{where}{field.name}' is missing")
    return cls(**{k: _narrow(hints[k], v, where + k) for k, v in values.items()})


def unknown(key: str, known: Collection[str]) -> str:
    """The message for a key that does not exist."""
    near = nearest(key, known)
    return f"unknown config key '{key}'" + (f"; the nearest is '{near}'" if near else "")


def flat_keys(values: Any, where: str = "") -> list[str]:
    """The dotted keys of nested values."""
    keys = []
    for k, v in values.items():
        keys += flat_keys(v, f"{where}{k}.") if hasattr(v, "items") else [where + k]
    return keys


def flat_values(value: Any, where: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} -> {"a.b": 1}; tuples become lists, as in JSON."""
    if isinstance(value, dict):
        return {k: v for name, item in value.items() for k, v in flat_values(item, f"{where}{name}.").items()}
    return {where[:-1]: list(value) if isinstance(value, tuple) else value}


def field_types(cls: type) -> dict[str, Any]:
    """The fields of a config dataclass: name -> type, its marks included."""
    return typing.get_type_hints(cls, include_extras=True)


def split_marks(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Annotated[int, Range(1, 9)] -> (int, (Range(1, 9),)); any other type -> (type, ())."""
    if typing.get_origin(hint) is typing.Annotated:
        kind, *marks = typing.get_args(hint)
        return kind, tuple(marks)
    return hint, ()


def _named(values: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise WrongArgument(f"config part '{where}' must hold named values, got {reprlib.repr(values)}")
    return values


def _narrow(hint: Any, value: Any, where: str) -> Any:
    """Converts `value` to the type `hint`. Raises WrongArgument, naming the key `where`, if it does not fit."""
    kind, marks = split_marks(hint)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return from_dict(typing.cast(type, kind), value, where + ".")
    if origin is dict:
        return {k: _narrow(args[1], v, f"{where}.{k}") for k, v in _named(value, where).items()}
    if origin is tuple and isinstance(value, (tuple, list)):
        return tuple(_narrow(args[0], v, where) for v in value)
    if origin is typing.Literal:
        if value not in args:
            raise WrongArgument(f"config key '{where}' must be one of {', '.join(args)}, got {reprlib.repr(value)}")
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if kind is float and type(value) is int and abs(value) <= sys.float_info.max:
        value = float(value)
    if type(value) is not kind:
        wanted = "a tuple such as (1, 2, 4)" if origin is tuple else f"of type {kind.__name__}"
        raise WrongArgument(f"config key '{where}' must be {wanted}, got {reprlib.repr(value)}")
    for mark in marks:
        if isinstance(mark, Range) and not mark.low <= value <= mark.high:
            raise WrongArgument(
                f"config key '{where}' must lie between {mark.low:g} and {mark.high:g}, got {reprlib.repr(value)}"
            )
    if kind is float and not math.isfinite(value):
        raise WrongArgument(f"config key '{where}' must be a finite number, got {reprlib.repr(value)}")
    return value
