"""The optimizer: AdamW or Muon with linear warm-up, a decay schedule and clipping by global norm.

AdamW: Loshchilov & Hutter, 2019. Muon (Jordan, 2024): the momentum of a dense kernel is orthogonalized, so that weak
directions of the gradient count as much as strong ones. This helps with faces: most of the variation in their codes is
light and skin, and the signals of gender and age are small.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
import optax.contrib
from jax.typing import ArrayLike

from t2f_jax.config.schema import OptimConfig


def schedule(config: OptimConfig, steps: int) -> Callable[[ArrayLike], jax.Array]:
    """Learning rate of update `step` (0 is the first one) in a run of `steps` updates.

    "cosine" rises linearly to the peak, reached by update `warmup_steps - 1`: the first update already changes the
    weights. Then half a cosine falls to `final_fraction` of the peak at update `steps - 1`, where it stays.

    "linear" is the original's: 0 at the first update, the peak at update `warmup_steps`, then a straight line to
    `final_fraction` of it at update `steps`.
    """
    warmup = min(config.warmup_steps, steps)

    def rate(step: ArrayLike) -> jax.Array:
        step = jnp.asarray(step, jnp.float32)
        if config.schedule == "linear":
            rise, left = step / max(warmup, 1), jnp.clip((steps - step) / max(steps - warmup, 1), 0, 1)
            fall = config.final_fraction + (1 - config.final_fraction) * left
            return config.learning_rate * jnp.where(step < warmup, rise, fall)
        rise = (step + 1) / max(warmup, 1)
        share = jnp.clip((step + 1 - warmup) / max(steps - warmup, 1), 0, 1)
        fall = config.final_fraction + (1 - config.final_fraction) * 0.5 * (1 + jnp.cos(jnp.pi * share))
        return config.learning_rate * jnp.where(step < warmup, rise, fall)

    return rate


def weights_only(params: Any) -> Any:
    """Decay mask by name: all but biases and norm scales. (Not by shape: in stacked layers a bias has two axes.)"""
    return jax.tree_util.tree_map_with_path(lambda path, _: path[-1].key not in ("bias", "scale"), params)


def scale_by_bert_adam(b1: float, b2: float, eps: float) -> optax.GradientTransformation:
    """Adam without bias correction, as BERT's optimizer: m / (sqrt(v) + eps)."""

    def init(params: Any) -> optax.ScaleByAdamState:
        mu, nu = (jax.tree.map(jnp.zeros_like, params) for _ in range(2))
        return optax.ScaleByAdamState(jnp.zeros((), jnp.int32), mu, nu)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        mu = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.mu, updates)
        nu = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state.nu, updates)
        scaled = jax.tree.map(lambda m, v: m / (jnp.sqrt(v) + eps), mu, nu)
        return scaled, optax.ScaleByAdamState(optax.safe_increment(state.count), mu, nu)

    return optax.GradientTransformation(init, update)


def make(config: OptimConfig, steps: int, decay_mask: Any = None) -> optax.GradientTransformation:
    """The gradient transformation of a run of `steps` updates.

    Args:
      decay_mask: a tree of bools with the parameters' structure, or a function from parameters to one: which of them
        decay. None: `weights_only`.
    """
    decay_mask = weights_only if decay_mask is None else decay_mask
    rate = schedule(config, steps)
    if config.kind == "muon":
        update: optax.GradientTransformation = optax.contrib.muon(
            rate,
            weight_decay=config.weight_decay,
            weight_decay_mask=decay_mask,
            adam_b1=config.b1,
            adam_b2=config.b2,
            muon_weight_dimension_numbers=_dense_axes,
            consistent_rms=0.2,  # steps as large as Adam's, so that both use one learning rate (arXiv:2502.16982)
        )
    else:
        scale = optax.scale_by_adam if config.kind == "adamw" else scale_by_bert_adam
        update = optax.chain(
            scale(config.b1, config.b2, config.eps),
            optax.add_decayed_weights(config.weight_decay, decay_mask),
            optax.scale_by_learning_rate(rate),
        )
    return optax.chain(optax.clip_by_global_norm(config.clip_norm), update) if config.clip_norm > 0 else update


def _dense_axes(params: Any) -> Any:
    """The matrix axes of each leaf: those of dense kernels, single or stacked. None: NAdam updates this leaf.

    NAdam updates convolutions, tables, biases and scales, without decay.
    """

    def axes(path: Any, x: Any) -> Any:
        dense = path[-1].key == "kernel" and x.ndim in (2, 3)
        return optax.contrib.MuonDimensionNumbers(x.ndim - 2, x.ndim - 1) if dense else None

    return jax.tree_util.tree_map_with_path(axes, params)
