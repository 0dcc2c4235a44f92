"""Doubling a map and convolving it: the fast form is the plain one."""

import jax
import numpy as np
import pytest

from t2f_jax.models import upsampling


@pytest.mark.parametrize(("batch", "side", "channels", "features"), [(2, 5, 3, 4), (1, 1, 2, 2), (1, 8, 16, 16)])
def test_by_phase_is_doubling_then_convolving(batch, side, channels, features):
    rng = np.random.default_rng(side)
    x = rng.normal(size=(batch, side, side, channels)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, channels, features)).astype(np.float32)
    wanted = upsampling.as_written(x, kernel)
    assert wanted.shape == (batch, 2 * side, 2 * side, features)
    np.testing.assert_allclose(upsampling.by_phase(x, kernel), wanted, atol=2e-5 * np.abs(wanted).max())


def test_each_platform_gets_its_own_form_alone():
    x, kernel = np.zeros((1, 4, 4, 2), np.float32), np.zeros((3, 3, 2, 2), np.float32)
    lowered = jax.jit(upsampling.double_and_convolve).trace(x, kernel)
    texts = {p: lowered.lower(lowering_platforms=(p,)).as_text() for p in ("cpu", "tpu", "cuda")}
    assert "2x2x2x8xf32" in texts["cpu"] and "3x3x2x2xf32>) -> tensor<1x8x8x2xf32>" not in texts["cpu"]
    for platform in ("tpu", "cuda"):
        assert "2x2x2x8xf32" not in texts[platform] and "1x8x8x2xf32" in texts[platform]
