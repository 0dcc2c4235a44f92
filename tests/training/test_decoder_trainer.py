"""One step of the decoder: its loss by hand, the update, the metrics, what padding rows do."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.config.schema import DecoderConfig, DecoderRunConfig, OptimConfig, TrainConfig
from t2f_jax.models.params import unstack_layers
from t2f_jax.tokens import sequence
from t2f_jax.tokens.sequence import Branch, Example
from t2f_jax.tokens.vocab import Vocab
from t2f_jax.training.decoder_trainer import DecoderTrainer

VOCAB = Vocab(text_size=20, image_size=10)
CONFIG = DecoderRunConfig(
    model=DecoderConfig(layers=2, width=16, heads=2, mlp=32, max_length=16, scan=False),
    optim=OptimConfig(learning_rate=1e-2, warmup_steps=1, weight_decay=0.1),
    train=TrainConfig(steps=50, ema=0.9),
    sequence_length=16,
)


@functools.cache
def batch(weight=1.0):
    rng = np.random.default_rng(0)
    image, text = (lambda n: tuple(rng.integers(20, 30, n)), lambda n: tuple(rng.integers(4, 20, n)))
    examples = [
        Example((2, *text(4), 3), (Branch((), image(9)),), sequence.TO_IMAGE, 6, weight),
        Example((2, *image(5), 3), (Branch((), (*text(5), 3)),), sequence.TO_CAPTION, 1),
        Example((2, *image(5), 3), (Branch(text(2), (5, 3)), Branch(text(2), (6, 3))), sequence.TO_ATTRIBUTES, 1),
        Example((2, *text(7), 3), (Branch((), image(4)),), sequence.TO_IMAGE, 9),
    ]
    return sequence.assemble(examples, 16)


def made(**changes):
    """A trainer and its first state."""
    trainer = DecoderTrainer(dataclasses.replace(CONFIG, **changes), VOCAB)
    return trainer, jax.jit(trainer.init)(jax.random.PRNGKey(0))


def test_the_loss_is_the_weighted_mean_of_the_targets():
    trainer, state = made()
    rows = batch(3.0)
    logits = trainer.decoder.apply({"params": state.params}, *(rows[k] for k in ("tokens", "segments", "positions")))
    nll = -jnp.take_along_axis(jax.nn.log_softmax(logits), rows["targets"][..., None], -1)[..., 0]
    loss, metrics = jax.jit(trainer.loss)(state.params, rows)
    weights = rows["weights"]
    assert set(np.unique(weights)) == {0, 1, 3}
    np.testing.assert_allclose(loss, (nll * weights).sum() / weights.sum(), rtol=1e-5)
    for task, name in enumerate(sequence.TASKS):
        chosen = (weights > 0) & (rows["task"] == task)[:, None]
        np.testing.assert_allclose(metrics[f"loss_{name}"], nll[chosen].mean(), rtol=1e-5)
    right = (logits.argmax(-1) == rows["targets"])[weights > 0].mean()
    np.testing.assert_allclose(metrics["accuracy"], right, rtol=1e-6)


def test_rounded_products_change_the_loss_a_little():
    rounded, state = made(model=dataclasses.replace(CONFIG.model, products="bfloat16"))
    exact, same = made()
    jax.tree.map(np.testing.assert_array_equal, state.params, same.params)
    key, rows = jax.random.key(0), batch()
    (close, grads), (loss, others) = (jax.jit(t.gradient)(state.params, rows, key) for t in (rounded, exact))
    assert close["loss"] != loss["loss"]
    np.testing.assert_allclose(close["loss"], loss["loss"], rtol=1e-3)
    for a, b in zip(jax.tree.leaves(grads), jax.tree.leaves(others), strict=True):
        assert a.dtype == jnp.float32
        np.testing.assert_allclose(a, b, atol=0.02 * np.abs(b).max() + 1e-6)


def test_its_gradient_is_that_of_the_plain_formula():
    trainer, state = made()
    rows = batch(3.0)

    def plain(params):
        logits = trainer.decoder.apply({"params": params}, *(rows[k] for k in ("tokens", "segments", "positions")))
        nll = -jnp.take_along_axis(jax.nn.log_softmax(logits), rows["targets"][..., None], -1)[..., 0]
        return (nll * rows["weights"]).sum() / rows["weights"].sum()

    wanted = jax.jit(jax.grad(plain))(state.params)
    found = jax.jit(jax.grad(lambda p: trainer.loss(p, rows)[0]))(state.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found, wanted)


@pytest.mark.parametrize("scan", [False, True])
def test_a_batch_is_learned(scan):
    model = dataclasses.replace(CONFIG.model, scan=scan, dropout=0.1)
    trainer, first = made(model=model)
    step = jax.jit(trainer.step)
    state, losses = first, []
    for i in range(40):
        state, metrics = step(state, batch(), jax.random.fold_in(jax.random.PRNGKey(0), i))
        losses.append(float(metrics["loss"]))
    names = {"loss", "accuracy", "padding_fraction", "grad_norm", *(f"loss_{t}" for t in sequence.TASKS)}
    names |= {"sequences", "tokens", "model_flops"}
    assert set(metrics) == names and all(np.isfinite(v) and np.shape(v) == () for v in metrics.values())
    assert losses[0] == pytest.approx(np.log(30), abs=0.3) and losses[-1] < 0.5 * losses[0]
    assert state.step == 40
    # the averaged weights are the ones evaluated and shipped; they lag behind
    averaged = jax.jit(trainer.evaluate)(state, batch())["loss"]
    assert averaged == pytest.approx(float(trainer.loss(state.ema, batch())[0]), rel=1e-5)
    assert float(trainer.loss(state.params, batch())[0]) < averaged < losses[0]
    shipped = trainer.export(state)
    jax.tree.map(np.testing.assert_array_equal, shipped, unstack_layers(state.ema))
    again = DecoderTrainer(dataclasses.replace(CONFIG, model=model), VOCAB, shipped).init(jax.random.PRNGKey(5))
    jax.tree.map(np.testing.assert_array_equal, again.params, state.ema)


def test_a_step_is_a_pure_function_of_state_batch_and_key():
    trainer, state = made(model=dataclasses.replace(CONFIG.model, dropout=0.3))
    step = jax.jit(trainer.step)
    one, two, other = (step(state, batch(), jax.random.PRNGKey(k))[1]["loss"] for k in (1, 1, 2))
    assert one == two != other


def test_norms_and_biases_do_not_decay():
    """With no target there is no gradient, so that decay alone moves a weight."""
    trainer, state = made()
    rows = {**batch(), "weights": np.zeros_like(batch()["weights"])}
    new, metrics = jax.jit(trainer.step)(state, rows, jax.random.PRNGKey(0))
    assert metrics["loss"] == metrics["grad_norm"] == 0 and np.isnan(metrics["loss_to_image"])

    def check(path, old, new):
        if path[-1].key in ("scale", "bias"):
            np.testing.assert_array_equal(old, new)
        else:
            np.testing.assert_allclose(new, old * (1 - 1e-2 * 0.1), rtol=1e-4)

    jax.tree_util.tree_map_with_path(check, state.params, new.params)


def test_rows_that_fill_up_an_evaluation_batch_do_not_count():
    trainer, state = made()
    evaluate = jax.jit(trainer.evaluate)
    few = {k: v[:2] for k, v in batch().items()}
    filled = {**batch(), "mask": np.array([True, True, False, False])}
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), evaluate(state, filled), evaluate(state, few)
    )


def test_biases_are_drawn_where_asked_and_norms_are_not():
    layer = made(init_biases=True)[1].params["layer_1"]
    for part in (layer["attention"]["qkv"], layer["mlp"]["up"]):
        assert 0.5 < float(jnp.std(part["bias"])) / CONFIG.model.init_std < 1.5
    assert (layer["norm_1"]["bias"] == 0).all() and (layer["norm_1"]["scale"] == 1).all()
