"""A model's structure from the shapes of its tensors; tensors that make no sense are refused."""

import numpy as np
import pytest
from original_files import (
    SMALL,
    SMALL_VQGAN,
    random_tensors,
)

from t2f_jax.convert import original
from t2f_jax.convert.names import vqgan_names
from t2f_jax.errors import UserError
from t2f_jax.io import torch_writer


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("encoder.conv_in.weight", np.zeros(3, np.float32), "'encoder.conv_in.weight' has the shape"),
        ("quantize.embedding.weight", None, "no tensor 'quantize.embedding.weight'"),
        ("encoder.down.2.block.0.conv1.weight", np.zeros((33, 32, 3, 3), np.float32), "not multiples of conv_in's 32"),
        ("encoder.down.40.block.0.conv1.weight", np.zeros((32, 32, 3, 3), np.float32), "no tensor 'encoder.down.4.blo"),
    ],
)
def test_a_vqgan_without_structure_is_refused(tmp_path, name, value, told):
    tensors = dict(random_tensors(vqgan_names(SMALL_VQGAN)))
    tensors.pop(name, None)
    if value is not None:
        tensors[name] = value
    torch_writer.write(tmp_path / "v.ckpt", tensors.items())
    with pytest.raises(UserError, match=told):
        original.open_vqgan(tmp_path / "v.ckpt", SMALL)
