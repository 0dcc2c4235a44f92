"""The state of a training run, passed from step to step. A checkpoint holds exactly this."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax


@flax.struct.dataclass
class State:
    """The state of a training run at one step."""

    step: jax.Array  # int32 scalar: updates made so far
    params: Any
    opt_state: Any
    ema: Any = None  # moving average of `params`, same tree; None: not kept
    extra: Any = None  # other state of a trainer: codebook statistics, a discriminator and its optimizer

    @property
    def weights(self) -> Any:
        """The parameters to evaluate and to export: the moving average if there is one."""
        return self.params if self.ema is None else self.ema


def create_state(params: Any, optimizer: optax.GradientTransformation, ema: float = 0.0, extra: Any = None) -> State:
    """A run's first state; `ema` is the decay of the moving average, 0: no average.

    The average starts as a copy, because a donated state must not contain a buffer twice.
    """
    average = jax.tree.map(jnp.copy, params) if ema else None
    return State(jnp.zeros((), jnp.int32), params, optimizer.init(params), average, extra)


def update_ema(ema: Any, params: Any, step: jax.Array | int, decay: float) -> Any:
    """ema <- d ema + (1 - d) params with d = min(decay, (1 + step) / (10 + step)); None stays None.

    With the growing d, as in TensorFlow's ExponentialMovingAverage, the average forgets the initial weights quickly.
    """
    if ema is None:
        return None
    t = jnp.asarray(step, jnp.float32)
    d = jnp.minimum(decay, (1 + t) / (10 + t))
    return jax.tree.map(lambda old, new: old + (1 - d).astype(old.dtype) * (new - old), ema, params)
