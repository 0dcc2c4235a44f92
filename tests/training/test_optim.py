import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax

from t2f_jax.config.schema import OptimConfig
from t2f_jax.training import optim


def test_schedule_warms_up_peaks_and_ends_at_the_final_fraction():
    rate = optim.schedule(OptimConfig(learning_rate=2.0, warmup_steps=10, final_fraction=0.1), 110)
    np.testing.assert_allclose(rate(0), 0.2)
    np.testing.assert_allclose(rate(9), 2.0)
    np.testing.assert_allclose(rate(59), 2.0 * (0.1 + 0.9 * 0.5), rtol=1e-5)
    np.testing.assert_allclose([rate(109), rate(500)], [0.2, 0.2], rtol=1e-5)
    assert np.all(np.diff([float(rate(s)) for s in range(10, 110)]) < 0)


def test_schedule_without_warmup_and_with_more_warmup_than_steps():
    assert float(optim.schedule(OptimConfig(warmup_steps=0), 10)(0)) > 0
    assert float(optim.schedule(OptimConfig(learning_rate=1.0, warmup_steps=100), 10)(9)) == 1.0


def test_first_update_moves_weights_and_decays_no_bias_even_stacked():
    config = OptimConfig(learning_rate=0.1, warmup_steps=10, weight_decay=0.5)
    params = {"layers": {"kernel": jnp.ones((2, 3, 3)), "bias": jnp.ones((2, 3)), "scale": jnp.ones((2, 3))}}
    tx = optim.make(config, 100)
    updates, _ = tx.update(jax.tree.map(jnp.zeros_like, params), tx.init(params), params)
    new = optax.apply_updates(params, updates)["layers"]
    np.testing.assert_allclose(new["kernel"], 1 - 0.01 * 0.5)
    np.testing.assert_array_equal(new["bias"], 1)
    np.testing.assert_array_equal(new["scale"], 1)


def test_clipping_bounds_the_gradient_that_adam_sees():
    grads = {"kernel": jnp.full((4,), 100.0)}
    moment = lambda clip: optim.make(OptimConfig(clip_norm=clip), 10).update(  # noqa: E731
        grads, optim.make(OptimConfig(clip_norm=clip), 10).init(grads), grads
    )[1]
    first = next(x for x in jax.tree.leaves(moment(1.0)) if x.shape == (4,))
    np.testing.assert_allclose(first, 0.1 * 0.5, rtol=1e-5)  # (1 - b1) g, |g| = 1
    first = next(x for x in jax.tree.leaves(moment(0.0)) if x.shape == (4,))
    np.testing.assert_allclose(first, 0.1 * 100, rtol=1e-5)


def test_linear_schedule_is_the_originals():
    rate = optim.schedule(OptimConfig(learning_rate=2.0, warmup_steps=10, schedule="linear"), 110)
    assert float(rate(0)) == 0  # the first update changes nothing
    np.testing.assert_allclose([rate(5), rate(10), rate(60), rate(110), rate(500)], [1, 2, 1, 0, 0], atol=1e-6)


def test_adam_without_bias_correction_is_the_formula():
    config = OptimConfig(learning_rate=1.0, warmup_steps=0, b1=0.9, b2=0.999, eps=1e-6, weight_decay=0, clip_norm=0)
    tx = optim.make(dataclasses.replace(config, kind="bert", final_fraction=1.0), 10)
    params, m, v = {"w": jnp.zeros(2)}, np.zeros(2), np.zeros(2)
    state = tx.init(params)
    for g in ([1.0, -2.0], [0.5, 3.0]):
        updates, state = tx.update({"w": jnp.array(g)}, state, params)
        m, v = 0.9 * m + 0.1 * np.array(g), 0.999 * v + 0.001 * np.array(g) ** 2
        np.testing.assert_allclose(updates["w"], -m / (np.sqrt(v) + 1e-6), rtol=1e-5)


def test_muon_turns_dense_kernels_evenly_and_leaves_the_rest_to_adam():
    config = OptimConfig(learning_rate=1.0, warmup_steps=0, final_fraction=1.0, weight_decay=0.0, clip_norm=0.0)
    rng = np.random.default_rng(0)
    strong, weak = np.outer(rng.normal(size=8), rng.normal(size=4)), 0.03 * rng.normal(size=(8, 4))
    params = {
        "dense": {"kernel": jnp.zeros((8, 4)), "bias": jnp.zeros(4)},
        "layers": {"kernel": jnp.zeros((2, 8, 4))},
        "conv": {"kernel": jnp.zeros((3, 3, 8, 4))},
        "embed": {"word": jnp.zeros((5, 4))},
    }
    grads = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape), jnp.float32), params)
    grads["dense"]["kernel"] = jnp.asarray(strong + weak, jnp.float32)
    grads["layers"]["kernel"] = jnp.stack([grads["dense"]["kernel"], -grads["dense"]["kernel"]])

    def first(kind: str):
        tx = optim.make(dataclasses.replace(config, kind=kind), 10)
        return tx.update(grads, tx.init(params), params)[0]

    muon, adam = first("muon"), first("adamw")
    before, spread = (np.linalg.svd(x["dense"]["kernel"], compute_uv=False) for x in (grads, muon))
    assert before[0] / before[-1] > 30 and spread[0] / spread[-1] < 2
    np.testing.assert_allclose(np.sqrt(np.square(spread).sum() / 32), 0.2, rtol=0.3)  # as large as Adam's updates
    np.testing.assert_allclose(muon["layers"]["kernel"][0], muon["dense"]["kernel"], atol=1e-5)
    np.testing.assert_allclose(muon["layers"]["kernel"][1], -muon["dense"]["kernel"], atol=1e-5)
    for path in (("dense", "bias"), ("conv", "kernel"), ("embed", "word")):
        ours, theirs = muon[path[0]][path[1]], adam[path[0]][path[1]]
        np.testing.assert_allclose(ours, theirs * (1 + 0.9 / 1.9), rtol=1e-4)  # NAdam's first step: b1 of a second one
