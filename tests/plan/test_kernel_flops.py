import numpy as np
import pytest
from fake_compiler import SPLASH_RESULT

from t2f_jax.models import attention_kernels
from t2f_jax.plan import kernel_flops


def test_a_kernels_flops_are_those_of_its_output():
    name = "splash_mha_fwd.1"
    assert kernel_flops.kernel_flops(name, SPLASH_RESULT, 0) == 2 * 2 * 2 * 3 * 64 * 256**2
    alone = SPLASH_RESULT.replace("[2,3,", "[3,").replace("{3}", "{2}")  # one row, and its sums beside it
    assert kernel_flops.kernel_flops(name, f"(f32[128,128], {alone})", 0) == 2 * 2 * 3 * 64 * 256**2
    assert kernel_flops.kernel_flops("splash_mha_dkv.1", SPLASH_RESULT, 64) == 5 * 2 * 2 * 3 * 64 * 256**2
    with pytest.raises(ValueError, match="no splash kernel"):
        kernel_flops.kernel_flops("other", SPLASH_RESULT, 0)


def test_tiles_of_places_too_far_apart_are_not_computed():
    assert kernel_flops.computed_places(1152, 334) == 7 * 384**2  # of 3 x 3
    made = attention_kernels.splash_kernel(1, 1152, 334, False)
    assert (np.asarray(made.fwd_mask_info.block_mask) > 0).sum() == 7
