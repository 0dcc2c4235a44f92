import numpy as np
import pytest
from fake_model import FakeModel

from t2f_jax.evaluation.reconstruction import measure_reconstruction


def test_reconstruction_by_hand():
    images = np.zeros((2, 2, 2, 3), np.uint8)
    images[0] = 10
    images[1, 0, 1] = 4  # code 0 first: comes back black; one pixel of four is off by 4
    result = measure_reconstruction(FakeModel(), images, codebook_size=16)
    assert result["psnr"] == pytest.approx((100 + 10 * np.log10(255**2 / 4)) / 2)
    assert result["codes_used"] == 3 / 16  # 10, 10, 0, 4
    assert result["perplexity"] == pytest.approx(np.exp(0.5 * np.log(2) + 0.5 * np.log(4)))
    assert result["codes_per_image"] == 2 and result["psnr_mean_image"] < result["psnr"]
