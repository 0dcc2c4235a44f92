"""The VQGAN's parts."""

import jax
import numpy as np
import pytest

from t2f_jax.models.vqgan_blocks import GroupNorm


@pytest.mark.parametrize("channels", [8, 32, 48])
def test_group_norm_is_the_two_pass_formula(channels):
    x = np.random.default_rng(0).normal(1.5, 2, (2, 6, 6, channels)).astype(np.float32)
    groups = int(np.gcd(32, channels))
    g = x.astype(np.float64).reshape(2, 36, groups, channels // groups)
    wanted = (g - g.mean((1, 3), keepdims=True)) / np.sqrt(g.var((1, 3), keepdims=True) + 1e-6)
    norm = GroupNorm()
    out = norm.apply(norm.init(jax.random.key(0), x), x)
    np.testing.assert_allclose(out, wanted.reshape(x.shape), atol=2e-5)
