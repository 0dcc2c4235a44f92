"""The keys of an experiment's config, and how their values are read and checked.

    schema   the dataclasses of a config: type, default, choices and range of each key; may a resumed run change it?
    typed    plain dictionaries to config dataclasses and back; checks each value by its field's type
    keys     every key described: type, range, default and its meaning from `schema`
    limits   checks of keys against each other, such as the decoder's width and its number of heads
    loader   config files and `key=value` overrides: `FILE:ARG` to a checked `Config`
    sweep    the variants of a config that a config file's `sweep` lists

Read first: `schema.Config`. For other rooms: `loader.load` and `loader.narrow` make a checked `Config`; `typed.to_dict`
and `typed.from_dict` write and read parts of it as JSON. Config files use `config.base_config()`, `source`, `shipped`,
`check_argument`; sweeps `config.Sweep`, `Arm` and `grid`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from t2f_jax.config.loader import base_config, check_argument, load, override, shipped, source
    from t2f_jax.config.schema import Config
    from t2f_jax.config.sweep import Arm, Sweep, grid, load_sweep

_PLACES = {
    "schema": ("Config",),
    "loader": ("base_config", "check_argument", "load", "override", "shipped", "source"),
    "sweep": ("Arm", "Sweep", "grid", "load_sweep"),
}
__all__ = [
    "Arm",
    "Config",
    "Sweep",
    "base_config",
    "check_argument",
    "grid",
    "load",
    "load_sweep",
    "override",
    "shipped",
    "source",
]


def __getattr__(name: str) -> Any:
    """Imports the names above when they are first used, so that a module of this room loads only what it needs."""
    for place, names in _PLACES.items():
        if name in names:
            return getattr(importlib.import_module(f"t2f_jax.config.{place}"), name)
    raise AttributeError(f"module 't2f_jax.config' has no attribute '{name}'")
