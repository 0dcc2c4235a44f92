import json
import pathlib
import re

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.config.schema import VQGANConfig
from t2f_jax.models.params import init_vqgan
from t2f_jax.models.vqgan import VQGAN, fold, unfold

GOLDEN = json.loads((pathlib.Path(__file__).parents[1] / "fixtures/golden_vqgan_tiny.json").read_text())
TINY = VQGANConfig(
    resolution=16, patch=2, ch=8, ch_mult=(1, 2), attn_resolutions=(4,), z_channels=6, embed_dim=4, n_embed=12
)


def golden_params():
    """The fixture's weights, by its formula, under our names."""
    flat = {}
    for i, (name, shape) in enumerate(GOLDEN["state_dict"]):
        n = int(np.prod(shape))
        s = np.sin(0.37 * np.arange(n) + 1.3 * i)
        if name == "quantize.embedding.weight":
            flat["quantize", "embedding"] = s.reshape(shape).astype(np.float32)
            continue
        norm = "norm" in name
        if len(shape) == 1:
            w = 0.1 * s + (1 if norm and name.endswith("weight") else 0)
        else:
            w = (s * np.sqrt(2 / (n / shape[0]))).reshape(shape).transpose(2, 3, 1, 0)
        name = re.sub(r"\.(down|up|block|attn)\.(\d)", r".\1_\2", name)
        name = name.replace("weight", "scale" if norm else "kernel")
        flat[tuple(name.split("."))] = w.astype(np.float32)
    return flax.traverse_util.unflatten_dict(flat)


@pytest.fixture(scope="module")
def golden():
    d = GOLDEN["ddconfig"]
    config = VQGANConfig(
        resolution=d["resolution"],
        ch=d["ch"],
        ch_mult=tuple(d["ch_mult"]),
        num_res_blocks=d["num_res_blocks"],
        attn_resolutions=tuple(d["attn_resolutions"]),
        z_channels=d["z_channels"],
        embed_dim=GOLDEN["embed_dim"],
        n_embed=GOLDEN["n_embed"],
    )
    return VQGAN(config), golden_params()


def test_matches_the_original(golden):
    model, params = golden
    x = np.sin(0.05 * np.arange(2 * 3 * 64 * 64)).reshape(2, 3, 64, 64).astype(np.float32).transpose(0, 2, 3, 1)
    recon, z, codes = jax.jit(lambda p, x: model.apply({"params": p}, x))(params, x)
    assert codes.reshape(-1).tolist() == GOLDEN["indices"]
    recon = np.asarray(recon)
    np.testing.assert_allclose(z[0, 0, 0], GOLDEN["prequant_0_:_0_0"], atol=1e-4)
    np.testing.assert_allclose(recon[0, 0, :, 0], GOLDEN["recon_0_0_0"], atol=1e-4)  # [b, c, row] of NCHW
    np.testing.assert_allclose(recon[1, 63, :, 2], GOLDEN["recon_1_2_63"], atol=1e-4)
    np.testing.assert_allclose(np.abs(recon).sum(), GOLDEN["recon_abs_sum"], rtol=1e-4)
    again = jax.jit(lambda p, c: model.apply({"params": p}, c, method="decode_codes"))(params, codes)
    np.testing.assert_allclose(again, np.clip(recon, -1, 1), atol=1e-4)


def test_has_the_originals_tensors_and_no_others(golden):
    model, params = golden
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))["params"]
    assert jax.tree.map(jnp.shape, shapes) == jax.tree.map(jnp.shape, params)


def test_shapes_and_names_follow_the_config():
    model = VQGAN(TINY)
    params = init_vqgan(TINY, jax.random.key(0))
    assert TINY.tokens == 16
    assert params["encoder"]["conv_in"]["kernel"].shape == (3, 3, 12, 8)
    assert params["quantize"]["embedding"].shape == (12, 4)
    assert "attn_0" in params["encoder"]["down_1"] and "attn_0" not in params["encoder"]["down_0"]
    assert "downsample" in params["encoder"]["down_0"] and "upsample" in params["decoder"]["up_1"]
    recon, z, codes = jax.jit(model.apply)({"params": params}, jnp.zeros((3, 16, 16, 3)))
    assert recon.shape == (3, 16, 16, 3) and z.shape == (3, 4, 4, 4) and codes.shape == (3, 16)


def test_fold_is_undone_by_unfold_and_keeps_patches_together():
    x = jnp.arange(2 * 8 * 8 * 3).reshape(2, 8, 8, 3)
    folded = fold(x, 4)
    assert folded.shape == (2, 2, 2, 48)
    np.testing.assert_array_equal(folded[1, 0, 1].reshape(4, 4, 3), x[1, :4, 4:])
    np.testing.assert_array_equal(unfold(folded, 4), x)


def test_bfloat16_keeps_parameters_and_outputs_in_fp32():
    model = VQGAN(TINY, dtype=jnp.bfloat16)
    params = init_vqgan(TINY, jax.random.key(0))
    assert {x.dtype for x in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    recon, z, codes = jax.jit(model.apply)({"params": params}, jnp.ones((1, 16, 16, 3)))
    assert recon.dtype == z.dtype == jnp.float32 and codes.dtype == jnp.int32
    full = jax.jit(VQGAN(TINY).apply)({"params": params}, jnp.ones((1, 16, 16, 3)))[1]
    np.testing.assert_allclose(z, full, atol=0.05)
