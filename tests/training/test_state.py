"""A run's state and its moving average."""

import jax.numpy as jnp
import numpy as np

from t2f_jax.config.schema import OptimConfig
from t2f_jax.training import optim
from t2f_jax.training.state import create_state, update_ema


def test_ema_warms_up_then_uses_its_decay():
    ema, params = {"w": jnp.zeros(())}, {"w": jnp.ones(())}
    np.testing.assert_allclose(update_ema(ema, params, 0, 0.999)["w"], 0.9, rtol=1e-6)
    np.testing.assert_allclose(update_ema(ema, params, 10**6, 0.9)["w"], 0.1, rtol=1e-6)
    assert update_ema(None, params, 0, 0.9) is None


def test_a_new_state_holds_no_buffer_twice():
    params = {"w": jnp.ones((3,))}
    new = create_state(params, optim.make(OptimConfig(), 10), ema=0.9)
    assert new.ema["w"] is not new.params["w"] and new.weights is new.ema
    assert create_state(params, optim.make(OptimConfig(), 10)).weights is params
