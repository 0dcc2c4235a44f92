"""The decoder against the original's outputs, and its layouts against one another."""

import dataclasses
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.config.schema import DecoderConfig
from t2f_jax.models.decoder import Decoder, empty_cache
from t2f_jax.models.params import stack_layers

TINY = DecoderConfig(layers=2, width=16, heads=2, mlp=24, max_length=32, init_std=0.3)


def rows(seed=0, batch=2, length=9, vocab=13):
    """A prefix of 4, two branches of 2, one pad."""
    tokens = jax.random.randint(jax.random.PRNGKey(seed), (batch, length), 0, vocab)
    segments = jnp.tile(jnp.array([1, 1, 1, 1, 2, 2, 3, 3, 0]), (batch, 1))
    positions = jnp.tile(jnp.array([0, 1, 2, 3, 4, 5, 4, 5, 0]), (batch, 1))
    return tokens, segments, positions


def init(decoder):
    return jax.jit(decoder.init)(jax.random.PRNGKey(0), *rows())


@pytest.fixture(scope="module")
def golden():
    return json.loads((pathlib.Path(__file__).parents[1] / "fixtures/golden_talk2face_tiny.json").read_text())


def golden_params(golden):
    """The fixture's weights under our names: 0.2 sin(0.37 arange(n) + 1.3 i), plus one for a gamma."""
    tensors = {}
    for i, (name, shape) in enumerate(golden["state_dict"]):
        flat = 0.2 * np.sin(0.37 * np.arange(np.prod(shape)) + 1.3 * i) + name.endswith("gamma")
        tensors[name] = flat.reshape(shape).astype(np.float32)

    def norm(name):
        return {"scale": tensors[f"{name}.gamma"], "bias": tensors[f"{name}.beta"]}

    def dense(*names):
        kernels = [tensors[f"{n}.weight"].T for n in names]
        return {"kernel": np.concatenate(kernels, 1), "bias": np.concatenate([tensors[f"{n}.bias"] for n in names])}

    params = {
        "embed": {k: tensors[f"embedding.{v}.embedding.weight"] for k, v in
                  (("word", "word"), ("position", "pos"), ("segment", "seg"))},
        "final_norm": norm("encoder.layer_norm"),
        "head": {"weight": tensors["target.lm.output_layer.weight"]},
    }  # fmt: skip
    for i in range(golden["config"]["layers_num"]):
        base = f"encoder.transformer.{i}."
        params[f"layer_{i}"] = {
            "attention": {
                "qkv": dense(*(f"{base}self_attn.linear_layers.{j}" for j in range(3))),
                "out": dense(f"{base}self_attn.final_linear"),
            },
            "mlp": {"up": dense(f"{base}feed_forward.linear_1"), "down": dense(f"{base}feed_forward.linear_2")},
            "norm_1": norm(f"{base}layer_norm_1"),
            "norm_2": norm(f"{base}layer_norm_2"),
        }
    return params


@pytest.mark.parametrize("stacked", [False, True])
def test_equals_the_original(golden, stacked):
    config = DecoderConfig(layers=2, width=64, heads=4, mlp=128, max_length=32, norm="talk2face")
    decoder = Decoder(config, golden["config"]["vocab"], stacked=stacked)
    params = golden_params(golden)
    params = {"params": stack_layers(params) if stacked else params}
    src, seg = jnp.array(golden["src"]), jnp.array(golden["seg"])
    positions = jnp.broadcast_to(jnp.arange(src.shape[1]), src.shape)
    embedded = decoder.apply(params, src, seg, positions, method=lambda m, *a: m.embed(*a))
    np.testing.assert_allclose(embedded[0, 0], golden["embedding_0_0"], atol=1e-5)
    hidden = decoder.apply(params, src, seg, positions, method="hidden")
    np.testing.assert_allclose(hidden[1, 11], golden["hidden_1_11"], atol=1e-5)
    logits = decoder.apply(params, src, seg, positions)
    np.testing.assert_allclose(logits, golden["logits"], atol=1e-5)
    targets = jnp.concatenate([src[:, 1:], jnp.full_like(src[:, :1], 2)], 1)
    nll = -jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], -1)[..., 0]
    for least, name in ((0, "loss_seg_gt0"), (1, "loss_seg_gt1")):
        np.testing.assert_allclose(nll[seg > least].mean(), golden[name], atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [{}, {"positions": "rotary", "norm": "rmsnorm", "tie": True, "bias": False, "segments": False, "mask": "causal"}],
)
def test_stacked_layers_compute_what_single_ones_do(changes):
    config = dataclasses.replace(TINY, **changes)
    single, stacked = (Decoder(config, 13, stacked=s) for s in (False, True))
    params = init(single)["params"]
    wanted = init(stacked)["params"]
    shapes = jax.tree.map(jnp.shape, wanted)
    assert shapes == jax.tree.map(jnp.shape, stack_layers(params))
    a = single.apply({"params": params}, *rows())
    b = stacked.apply({"params": stack_layers(params)}, *rows())
    assert a.dtype == jnp.float32 and a.shape == (2, 9, 13)
    np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(("stacked", "remat"), [(False, "full"), (True, "dots")])
def test_rematerialisation_leaves_the_gradient_alone(stacked, remat):
    def gradient(remat):
        decoder = Decoder(dataclasses.replace(TINY, remat=remat), 13, stacked=stacked)
        params = init(decoder)  # of the same key, so the same weights
        return jax.jit(jax.grad(lambda p: (decoder.apply(p, *rows(), train=True) ** 2).sum()))(params)

    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), gradient(remat), gradient("none"))


def test_dropout_needs_train_and_depends_on_its_key():
    decoder = Decoder(dataclasses.replace(TINY, dropout=0.5), 13, stacked=True)
    params = init(decoder)

    @jax.jit
    def run(key):
        return decoder.apply(params, *rows(), train=True, rngs={"dropout": jax.random.PRNGKey(key)})

    np.testing.assert_array_equal(run(1), run(1))
    assert abs(run(1) - run(2)).max() > 0.1
    assert abs(run(1) - decoder.apply(params, *rows())).max() > 0.1


def test_half_precision_keeps_float32_weights_and_logits():
    decoder = Decoder(TINY, 13, jnp.bfloat16)
    params = init(decoder)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.float32)}
    half = decoder.apply(params, *rows())
    assert half.dtype == jnp.float32
    assert decoder.apply(params, *rows(), method="hidden").dtype == jnp.bfloat16
    full = Decoder(TINY, 13).apply(params, *rows())
    np.testing.assert_allclose(half, full, atol=0.15 * float(abs(full).max()))


def test_extend_continues_what_the_cache_holds():
    decoder = Decoder(TINY, 13)
    tokens, segments, positions = rows()
    params = init(decoder)
    whole = decoder.apply(params, tokens, segments, positions, method="hidden")
    cache = empty_cache(TINY, 2, 6)
    seen = jnp.tile(jnp.arange(6)[None] < 4, (2, 4, 1))
    cut = lambda a, b: (tokens[:, a:b], segments[:, a:b], positions[:, a:b])  # noqa: E731
    prefix, cache = decoder.apply(params, *cut(0, 4), seen, cache, 0, method="extend")
    np.testing.assert_allclose(prefix, whole[:, :4], atol=1e-5)
    seen = jnp.tile((jnp.arange(6)[None] < 5 + jnp.arange(2)[:, None])[None], (2, 1, 1))
    for a in (4, 6):  # either branch follows the same prefix
        branch, _ = decoder.apply(params, *cut(a, a + 2), seen, cache, 4, method="extend")
        np.testing.assert_allclose(branch, whole[:, a : a + 2], atol=1e-5)
