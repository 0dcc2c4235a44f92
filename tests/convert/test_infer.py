"""A model's structure from the shapes of its tensors; tensors that make no sense are refused."""

import numpy as np
import pytest
from original_files import (
    SMALL,
    SMALL_VQGAN,
    random_tensors,
)

from t2f_jax.convert import original, torch_writer
from t2f_jax.convert.names import vqgan_names
from t2f_jax.errors import UserError


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


def test_relatives_of_a_vqgan_are_named(tmp_path):
    tensors = dict(random_tensors(vqgan_names(SMALL_VQGAN)))
    back = tensors["post_quant_conv.weight"]
    kl = {name: value for name, value in tensors.items() if not name.startswith("quantize.")}
    kl["quant_conv.weight"] = np.zeros((2 * back.shape[1], back.shape[0], 1, 1), np.float32)
    diffusers = tensors | {"encoder.down_blocks.0.resnets.0.conv1.weight": np.zeros((3, 3, 3, 3), np.float32)}
    second = {"transformer.blocks.0.ln1.weight": np.zeros(3, np.float32), "transformer.pos_emb": np.zeros(3)}
    for foreign, told in (
        (kl, r"an autoencoder without a codebook \(KL\)"),
        (diffusers, "a model of diffusers"),
        (second, "no image tokenizer in it, but a second stage"),
    ):
        torch_writer.write(tmp_path / "v.ckpt", foreign.items())
        with pytest.raises(UserError, match=told):
            original.open_vqgan(tmp_path / "v.ckpt", SMALL)
