import io

import numpy as np
import pytest
from PIL import Image

from t2f_jax.report import grids


def flat(n, side=8):
    return np.stack([np.full((side, side, 3), 20 * i, np.uint8) for i in range(n)])


def test_grid_holds_every_image_in_its_place():
    sheet = np.asarray(grids.grid(flat(5), columns=3, scale=2))
    step = 16 + grids.GAP
    assert sheet.shape == (step * 2 - grids.GAP, step * 3 - grids.GAP, 3)
    for i in range(5):
        assert (sheet[i // 3 * step : i // 3 * step + 16, i % 3 * step : i % 3 * step + 16] == 20 * i).all()
    assert (sheet[step:, 2 * step :] == 255).all()


def test_a_grid_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one image"):
        grids.grid(flat(1)[:0], columns=2)


def test_reconstructions_stand_under_their_originals():
    originals, copies = flat(5), flat(5) + 100
    sheet = np.asarray(grids.reconstruction_grid(originals, copies, columns=3))
    step = 8 + grids.GAP
    assert sheet[0, step, 0] == 20 and sheet[step, step, 0] == 120
    second = 2 * step - grids.GAP + 3 * grids.GAP
    assert sheet[second, step, 0] == 80 and sheet[second + step, step, 0] == 180


def test_png_goes_back_to_the_same_pixels():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert (np.asarray(Image.open(io.BytesIO(grids.png(image)))) == image).all()
