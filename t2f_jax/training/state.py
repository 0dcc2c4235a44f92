"""What a training run carries from step to step. A checkpoint holds exactly this."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax


@flax.struct.dataclass
class State:
    """One training run at one step."""

    step: jax.Array  # int32 scalar: updates made so far
    params: Any
    opt_state: Any
    ema: Any = None  # moving average of `params`, same tree; None: not kept
    extra: Any = None  # what else a trainer carries: codebook statistics, a discriminator and its optimizer

    @property
    def weights(self) -> Any:
        """The parameters to evaluate and to ship: the moving average where one is kept."""
        return self.params if self.ema is None else self.ema


def create_state(params: Any, optimizer: optax.GradientTransformation, ema: float = 0.0, extra: Any = None) -> State:
    """A run's first state; `ema` is the average's decay, 0 keeps none.

    The average starts as a copy, because a donated state must not hold a buffer twice.
    """
    average = jax.tree.map(jnp.copy, params) if ema else None
    return State(jnp.zeros((), jnp.int32), params, optimizer.init(params), average, extra)


def update_ema(ema: Any, params: Any, step: jax.Array | int, decay: float) -> Any:
    """ema <- d ema + (1 - d) params with d = min(decay, (1 + step) / (10 + step)); None stays None.

    The growing d, as in TensorFlow's ExponentialMovingAverage, lets the average forget the initial weights quickly.
    """
    if ema is None:
        return None
    t = jnp.asarray(step, jnp.float32)
    d = jnp.minimum(decay, (1 + t) / (10 + t))
    return jax.tree.map(lambda old, new: old + (1 - d).astype(old.dtype) * (new - old), ema, params)
