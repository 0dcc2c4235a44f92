"""What can be chosen in an experiment, and how a choice is read and checked.

    schema   One experiment as typed, frozen values: the only place that names a hyperparameter (`configs/` chooses it
    limits   Which values of a config are right: the choices and ranges of each key, and what must fit together.
    typed    Config dataclasses from plain dictionaries, every key, type and value checked, and back.
    loader   Config files: `get_config(arg) -> ConfigDict`, usually `base_config()` with a few values changed.

Read first: `schema.Config`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from t2f_jax.config.loader import base_config, load, override, shipped, source
    from t2f_jax.config.schema import Config

__all__ = ["Config", "base_config", "load", "override", "shipped", "source"]


def __getattr__(name: str) -> Any:
    """The names above come late, so that a module of this room costs no other's imports."""
    if name == "Config":
        from t2f_jax.config import schema

        return schema.Config
    if name in __all__:
        from t2f_jax.config import loader

        return getattr(loader, name)
    raise AttributeError(f"module 't2f_jax.config' has no attribute '{name}'")
