"""Parameter trees: what they are drawn from, their shapes, stacked and single layers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.config.schema import DecoderConfig, VQGANConfig
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.params import (
    abstract_decoder,
    abstract_vqgan,
    init_decoder,
    init_vqgan,
    stack_layers,
    unstack_layers,
)
from t2f_jax.models.vqgan_blocks import conv

DECODER = DecoderConfig(layers=3, width=16, heads=2, mlp=24, max_length=32, init_std=0.3)
VQGAN_CONFIG = VQGANConfig(
    resolution=16, patch=2, ch=8, ch_mult=(1, 2), attn_resolutions=(4,), z_channels=6, embed_dim=4, n_embed=12
)


def test_stacking_is_undone_by_unstacking():
    params = init_decoder(Decoder(DECODER, 13), jax.random.key(0))
    stacked = stack_layers(params)
    assert stacked["layers"]["mlp"]["up"]["kernel"].shape == (3, 16, 24)
    np.testing.assert_array_equal(stacked["layers"]["mlp"]["up"]["kernel"][2], params["layer_2"]["mlp"]["up"]["kernel"])
    again = unstack_layers(stacked)
    assert jax.tree.structure(again) == jax.tree.structure(params)
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: bool((a == b).all()), params, again)))
    assert stack_layers(stacked) is stacked and unstack_layers(params) is params


def test_layers_beyond_the_ninth_are_stacked_in_order():
    stacked = stack_layers({f"layer_{i}": {"bias": jnp.full(2, i)} for i in range(11)})
    np.testing.assert_array_equal(stacked["layers"]["bias"][:, 0], range(11))


def test_abstract_shapes_are_those_of_fresh_single_layers():
    params = init_decoder(Decoder(DECODER, 13), jax.random.key(0))
    shapes = jax.tree.map(lambda x: (x.shape, x.dtype), abstract_decoder(DECODER, 13))
    assert shapes == jax.tree.map(lambda x: (x.shape, x.dtype), params)
    kernel, bias = params["layer_1"]["mlp"]["up"]["kernel"], params["layer_1"]["mlp"]["up"]["bias"]
    assert abs(float(kernel.std()) - 0.3) < 0.05 and not bias.any()


def test_a_vqgans_init_is_distributed_as_the_layers_say():
    params = init_vqgan(VQGAN_CONFIG, jax.random.key(0))
    assert jax.tree.map(jnp.shape, abstract_vqgan(VQGAN_CONFIG)) == jax.tree.map(jnp.shape, params)
    kernel = params["decoder"]["mid"]["block_1"]["conv1"]["kernel"]
    layer = nn_conv_kernel(kernel.shape)
    np.testing.assert_allclose([kernel.std(), jnp.abs(kernel).max()], [layer.std(), jnp.abs(layer).max()], rtol=0.05)
    assert float(jnp.abs(params["quantize"]["embedding"]).max()) <= 1 / 12
    assert (params["encoder"]["norm_out"]["scale"] == 1).all() and (params["encoder"]["norm_out"]["bias"] == 0).all()


def nn_conv_kernel(shape):
    """The kernel that a convolution layer of the model draws for itself."""
    layer = conv(shape[-1], "conv", jnp.float32)
    return layer.init(jax.random.key(1), jnp.zeros((1, 4, 4, shape[-2])))["params"]["kernel"]


def test_fresh_parameters_need_no_kernel_of_attention():
    plain = init_decoder(Decoder(DECODER, 13), jax.random.key(0))
    for attention in ("splash", "cudnn"):
        named = init_decoder(Decoder(dataclasses.replace(DECODER, attention=attention), 13), jax.random.key(0))
        assert all(jax.tree.leaves(jax.tree.map(lambda a, b: bool((a == b).all()), plain, named)))
