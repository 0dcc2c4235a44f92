"""Codes at several scales: residuals by hand, one grid as plain quantization, and the way back."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.config import limits
from t2f_jax.config.schema import VQGANConfig
from t2f_jax.errors import UserError
from t2f_jax.models import quantizer, scales


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


def test_one_grid_is_plain_quantization():
    z, codebook = normal(0, 2, 4, 4, 3), normal(1, 10, 3)
    chosen = scales.quantize(z, codebook, (4,))
    codes = quantizer.nearest(z, codebook)
    np.testing.assert_array_equal(chosen.codes_BxN, codes.reshape(2, 16))
    np.testing.assert_array_equal(chosen.codes_M, codes.reshape(-1))
    np.testing.assert_array_equal(chosen.inputs_MxE, z.reshape(-1, 3))
    np.testing.assert_array_equal(chosen.sums[-1], codebook[codes])


def test_each_grid_codes_what_the_ones_before_leave():
    z, codebook = np.asarray(normal(0, 2, 4, 4, 3)), np.asarray(normal(1, 10, 3))
    chosen = scales.quantize(z, codebook, (2, 4, 4))
    assert chosen.codes_BxN.shape == (2, 4 + 16 + 16)

    def nearest(vector):
        return int(np.square(codebook - vector).sum(1).argmin())

    for image, codes, total in zip(z, np.asarray(chosen.codes_BxN), chosen.sums[-1], strict=True):
        left = image.copy()
        for row, column in np.ndindex(2, 2):
            square = left[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            assert codes[2 * row + column] == nearest(square.mean((0, 1)))
            square -= codebook[codes[2 * row + column]]
        for first in (4, 20):
            for row, column in np.ndindex(4, 4):
                code = codes[first + 4 * row + column]
                assert code == nearest(left[row, column])
                left[row, column] -= codebook[code]
        np.testing.assert_allclose(image - left, total, atol=1e-5)


def test_the_sums_are_what_the_codes_assemble_to():
    z, codebook = normal(0, 3, 8, 8, 5), normal(1, 20, 5)
    grids = (1, 2, 8)
    chosen = scales.quantize(z, codebook, grids)
    whole = scales.assemble(chosen.codes_BxN, lambda codes: codebook[codes], grids)
    np.testing.assert_allclose(whole, chosen.sums[-1], atol=1e-6)
    # Codes and inputs stand in the same order.
    np.testing.assert_array_equal(quantizer.nearest(chosen.inputs_MxE, codebook), chosen.codes_M)


def test_only_the_codes_have_a_gradient():
    z, codebook = normal(0, 2, 4, 4, 3), normal(1, 10, 3)
    to_z, to_codes = jax.grad(
        lambda z, codebook: jnp.square(scales.quantize(z, codebook, (2, 4)).sums[-1]).sum(), argnums=(0, 1)
    )(z, codebook)
    assert not to_z.any() and to_codes.any()


@pytest.mark.parametrize("sides", [(4,), (3, 8), (8, 4), (0, 8)])
def test_scales_that_do_not_fit_are_named(sides):
    config = VQGANConfig(resolution=32, patch=4, ch_mult=(1,), attn_resolutions=(), scales=sides)
    with pytest.raises(UserError, match=r"image.model.scales=.* must end with 8 "):
        limits.check_vqgan(config, "image.model")
    good = dataclasses.replace(config, scales=(2, 8, 8))
    limits.check_vqgan(good, "image.model")
    assert good.tokens == 4 + 64 + 64 and dataclasses.replace(config, scales=()).tokens == 64
