"""The range of pixels."""

import numpy as np

from t2f_jax.models.image_tokenizer import to_uint8, to_unit


def test_pixel_range_round_trips():
    values = np.arange(256, dtype=np.uint8)
    assert float(to_unit(values)[0]) == -1 and float(to_unit(values)[255]) == 1
    np.testing.assert_array_equal(to_uint8(to_unit(values)), values)
