"""The optimizer: AdamW (Loshchilov & Hutter, 2019) under linear warm-up, cosine decay and clipping by global norm."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from t2f_jax.config import OptimConfig


def schedule(config: OptimConfig, steps: int) -> Callable[[Any], jax.Array]:
    """Learning rate of update `step` (0 is the first one) in a run of `steps` updates.

    Rises linearly to the peak, reached by update `warmup_steps - 1`: the first update already moves the weights. Then
    half a cosine down to `final_fraction` of the peak at update `steps - 1`, where it stays.
    """
    warmup = min(config.warmup_steps, steps)

    def rate(step: Any) -> jax.Array:
        step = jnp.asarray(step, jnp.float32)
        rise = (step + 1) / max(warmup, 1)
        share = jnp.clip((step + 1 - warmup) / max(steps - warmup, 1), 0, 1)
        fall = config.final_fraction + (1 - config.final_fraction) * 0.5 * (1 + jnp.cos(jnp.pi * share))
        return config.learning_rate * jnp.where(step < warmup, rise, fall)

    return rate


def weights_only(params: Any) -> Any:
    """Decay mask by name: all but biases and norm scales. (Stacked layers give a bias two axes: shapes do not tell.)"""
    return jax.tree_util.tree_map_with_path(lambda path, _: path[-1].key not in ("bias", "scale"), params)


def make(
    config: OptimConfig, steps: int, decay_mask: Callable[[Any], Any] | Any | None = None
) -> optax.GradientTransformation:
    """The gradient transformation of a run of `steps` updates.

    Args:
      decay_mask: a tree of bools like the parameters, or a function from parameters to one: which of them decay.
        None: `weights_only`.
    """
    adam = optax.adamw(
        schedule(config, steps),
        b1=config.b1,
        b2=config.b2,
        eps=config.eps,
        weight_decay=config.weight_decay,
        mask=weights_only if decay_mask is None else decay_mask,
    )
    return optax.chain(optax.clip_by_global_norm(config.clip_norm), adam) if config.clip_norm > 0 else adam
