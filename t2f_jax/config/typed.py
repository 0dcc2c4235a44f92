"""Config dataclasses from plain dictionaries, every key, type and value checked, and back."""

import dataclasses
import difflib
import typing
from collections.abc import Mapping
from typing import Any

from t2f_jax.config.limits import CHOICES, RANGES, matches
from t2f_jax.errors import UserError


def to_dict(config: Any) -> dict[str, Any]:
    """A config dataclass -> plain JSON-able dictionary (tuples become lists)."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, tuple) else value

    return plain(dataclasses.asdict(config))


def from_dict(cls: type, values: Any, where: str = "") -> Any:
    """Plain dictionary -> dataclass `cls`, every key and type checked.

    Raises:
      UserError: an unknown key (the nearest right one is named), a value of the wrong type or outside its choices.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"config part '{where.rstrip('.')}' must hold named values, got {values!r}")
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in hints:
            raise UserError(unknown(f"{where}{key}", [where + k for k in hints]))
    return cls(**{k: _narrow(hints[k], v, where + k) for k, v in values.items()})


def unknown(key: str, known: list[str]) -> str:
    """What is said of a key that there is not."""
    near = difflib.get_close_matches(key, known, 1, 0.3)
    return f"unknown config key '{key}'" + (f"; the nearest is '{near[0]}'" if near else "")


def _narrow(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return from_dict(typing.cast(type, hint), value, where + ".")
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is dict:
        return {k: _narrow(args[1], v, f"{where}.{k}") for k, v in value.items()}
    if origin is tuple and isinstance(value, (tuple, list)):
        return tuple(_narrow(args[0], v, where) for v in value)
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint:
        wanted = "a tuple such as (1, 2, 4)" if origin is tuple else f"of type {hint.__name__}"
        raise UserError(f"config key '{where}' must be {wanted}, got {value!r}")
    for pattern, allowed in CHOICES.items():
        if matches(pattern, where) and value not in allowed:
            raise UserError(f"config key '{where}' must be one of {', '.join(allowed)}, got {value!r}")
    for pattern, (low, high) in RANGES.items():
        if matches(pattern, where) and not low <= value <= high:  # also false for a NaN
            raise UserError(f"config key '{where}' must lie between {low:g} and {high:g}, got {value!r}")
    return value


def flat_keys(values: Any, where: str = "") -> list[str]:
    """The dotted keys of nested values."""
    keys = []
    for k, v in values.items():
        keys += flat_keys(v, f"{where}{k}.") if hasattr(v, "items") else [where + k]
    return keys
