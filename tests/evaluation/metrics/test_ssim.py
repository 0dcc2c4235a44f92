import numpy as np
import pytest

from t2f_jax.errors import UserError
from t2f_jax.evaluation.metrics.ssim import ssim


def pairs(side=40, n=3):
    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.normal(size=(n, side, side, 3)) * 8, axis=1) + 128
    noisy = smooth + rng.normal(size=smooth.shape) * np.array([3, 15, 60])[:, None, None, None]
    return smooth.clip(0, 255).astype(np.uint8), noisy.clip(0, 255).astype(np.uint8)


def test_it_is_scikit_images_in_wangs_setting():
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is not installed; pip install -e '.[dev]'")
    first, second = pairs()
    wanted = [
        metrics.structural_similarity(
            a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=-1
        )
        for a, b in zip(first, second)
    ]
    np.testing.assert_allclose(ssim(first, second), wanted, atol=1e-5)
    assert 0 < wanted[2] < wanted[1] < wanted[0] < 1


def test_an_image_is_like_itself_and_a_constant_shift_lowers_light_alone():
    first, _ = pairs(16)
    np.testing.assert_allclose(ssim(first, first), 1, atol=1e-6)
    flat = np.full((1, 11, 11, 3), 100, np.uint8)
    c = (0.01 * 255) ** 2
    np.testing.assert_allclose(ssim(flat, flat + 50), (2 * 100 * 150 + c) / (100**2 + 150**2 + c), rtol=1e-5)


def test_images_smaller_than_the_window_are_refused():
    with pytest.raises(UserError, match="11 pixels a side and more, got 8"):
        ssim(np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, 8, 8, 3), np.uint8))
