"""What computes the attention, and dropout of its probabilities."""

import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.config.schema import DecoderConfig
from t2f_jax.errors import UserError
from t2f_jax.models.attention import KINDS, attend, attention_kind, rotate, rotations


def test_what_a_kernel_cannot_do_is_refused_or_left_to_xla():
    assert attention_kind(DecoderConfig(), 128, True) == "xla"  # a CPU
    assert attention_kind(DecoderConfig(attention="splash"), 256, True) == "splash"
    with pytest.raises(UserError, match="rows of a multiple of 128 ids, got 100"):
        attention_kind(DecoderConfig(attention="splash"), 100)
    with pytest.raises(UserError, match="attention=cudnn drops no attention probabilities"):
        attention_kind(DecoderConfig(attention="cudnn", dropout=0.1), 128, True)


def test_every_kind_that_a_config_can_name_is_there():
    assert set(KINDS) == {"xla", "cudnn", "splash"}


def test_invisible_keys_get_no_probability_at_all_and_dropout_acts_on_probabilities():
    rng = np.random.default_rng(0)
    q, k, v = (jnp.asarray(rng.normal(size=(1, 2, 4, 8)), jnp.float32) for _ in range(3))
    segments = jnp.array([[1, 1, 2, 3]])
    bias = KINDS["xla"].make_mask(segments, None, "prefix", 0)
    out = attend(q, k, v, bias, lambda probs: probs)
    blind = attend(q, k.at[:, :, 2].set(99.0), v.at[:, :, 2].set(99.0), bias, lambda probs: probs)
    np.testing.assert_array_equal(out[:, :, [0, 1, 3]], blind[:, :, [0, 1, 3]])
    np.testing.assert_array_equal(attend(q, k, v, bias, jnp.zeros_like), 0)


def test_rotated_products_depend_on_the_distance_alone():
    rng = np.random.default_rng(1)
    q, k = (jnp.asarray(rng.normal(size=(1, 1, 1, 16)), jnp.float32) for _ in range(2))

    def product(query, key):
        turn = [rotations(jnp.array([[place]]), 16) for place in (query, key)]
        return jnp.sum(rotate(q, turn[0]) * rotate(k, turn[1]))

    np.testing.assert_allclose(product(7, 3), product(104, 100), rtol=1e-4)
    assert abs(product(7, 3) - product(7, 4)) > 1e-3
    np.testing.assert_allclose(
        jnp.linalg.norm(rotate(q, rotations(jnp.array([[9]]), 16))), jnp.linalg.norm(q), rtol=1e-6
    )
