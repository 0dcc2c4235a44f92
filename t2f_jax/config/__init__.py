"""What can be chosen in an experiment."""

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
