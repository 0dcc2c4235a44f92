import numpy as np
import pytest
from PIL import Image

from t2f_jax.models.resampling import resize

RNG = np.random.default_rng(0)


def image(side):
    coarse = RNG.integers(0, 256, (7, 7, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("side", [32, 90])
def test_pytorchs_way_is_interpolate(torch, side):
    x = image(side)[None]
    wanted = torch.nn.functional.interpolate(
        torch.as_tensor(x).permute(0, 3, 1, 2).float(), size=(45, 45), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(resize(x, 45, "pytorch"), wanted.permute(0, 2, 3, 1), atol=1e-3)


@pytest.mark.parametrize("side", [32, 90])
def test_the_clean_way_is_pils_in_floating_point(side):
    x = image(side)
    bands = [Image.fromarray(x[..., i].astype(np.float32), mode="F") for i in range(3)]
    wanted = np.stack([np.asarray(band.resize((45, 45), Image.Resampling.BICUBIC)) for band in bands], -1)
    np.testing.assert_allclose(resize(x[None], 45, "clean")[0], wanted.clip(0, 255), atol=4e-3)


def test_tensorflows_way_starts_at_the_corner():
    x = np.arange(4.0)[None, None, :, None] * np.ones((1, 4, 1, 3))
    row = resize(x, 8, "tensorflow")[0, 3, :, 1]
    np.testing.assert_allclose(row, [0, 0.5, 1, 1.5, 2, 2.5, 3, 3])
    np.testing.assert_allclose(resize(x, 2, "tensorflow")[0, 0, :, 0], [0, 2])
