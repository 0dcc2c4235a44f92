"""t2f_jax: one prefix-LM transformer for words to faces, faces to words, and faces to age and attributes."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from t2f_jax.inference.model import Model, load

__all__ = ["Model", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """`load` and `Model` come late, so that `import t2f_jax` costs no JAX import."""
    if name in ("Model", "load"):
        from t2f_jax.inference import model

        return getattr(model, name)
    raise AttributeError(f"module 't2f_jax' has no attribute '{name}'")
