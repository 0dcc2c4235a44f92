"""Packed rows: nothing of an example is lost, nobody looks into another one, and the loss is that of single rows."""

import dataclasses

import jax
import numpy as np
import pytest

from t2f_jax.config.schema import DecoderConfig, DecoderRunConfig, OptimConfig, TaskConfig, TrainConfig
from t2f_jax.tokens import packing, sequence
from t2f_jax.tokens.sequence import Branch, Example
from t2f_jax.tokens.vocab import Vocab
from t2f_jax.training.decoder_trainer import DecoderTrainer

VOCAB = Vocab(text_size=20, image_size=10)
CONFIG = DecoderRunConfig(
    model=DecoderConfig(layers=2, width=16, heads=2, mlp=32, max_length=32, scan=False),
    optim=OptimConfig(learning_rate=1e-2, warmup_steps=1),
    train=TrainConfig(steps=50, ema=0.0, batch_size=2),
    sequence_length=16,
    pack=3,
    row_length=48,
)


def examples(count=6):
    rng = np.random.default_rng(0)
    image, text = (lambda n: tuple(rng.integers(20, 30, n)), lambda n: tuple(rng.integers(4, 20, n)))
    made = []
    for i in range(count):
        if i % 3 == 0:
            made.append(Example((2, *text(4), 3), (Branch((), image(6)),), sequence.TO_IMAGE, 6, 2.0))
        elif i % 3 == 1:
            made.append(Example((2, *image(5), 3), (Branch((), (*text(4), 3)),), sequence.TO_CAPTION, 1))
        else:
            branches = tuple(Branch(text(2), (*text(1), 3)) for _ in range(2))
            made.append(Example((2, *image(5), 3), branches, sequence.TO_ATTRIBUTES, 1))
    gaps = sequence.gaps_of(np.array([1, 2, 5]), 6)
    made[-1] = Example((2, *image(3), 3), made[-1].branches, sequence.TO_ATTRIBUTES, 1, gaps=gaps)
    return made


def test_every_example_stands_whole_in_one_row():
    made = examples()
    batch = packing.pack(made, 2, 48)
    found = []
    for row in range(2):
        for document in range(1, 4):
            at = batch["documents"][row] == document
            found.append({k: v[row][at].tolist() for k, v in batch.items()})
    for example in made:
        one = sequence.assemble([example], example.length)
        wanted = {k: v[0].tolist() for k, v in one.items() if k != "task"}
        assert sum(all(f[k] == wanted[k] for k in wanted) for f in found) == 1
    assert (batch["segments"] == 0).mean() < 0.25 and not batch["weights"][batch["documents"] == 0].any()


def test_the_packed_loss_and_gradient_are_those_of_single_rows():
    packed, single = packing.pack(examples(), 2, 48), sequence.assemble(examples(), 16)
    trainer = DecoderTrainer(CONFIG, VOCAB)
    params = jax.jit(trainer.init)(jax.random.PRNGKey(0)).params
    compute = jax.jit(jax.value_and_grad(lambda p, b: trainer.loss(p, b)[0]))
    (a, pull_a), (b, pull_b) = compute(params, packed), compute(params, single)
    np.testing.assert_allclose(a, b, rtol=1e-6)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6), pull_a, pull_b)


def test_gradients_add_up_over_parts_and_padded_tables_change_nothing():
    packed = packing.pack(examples(12), 4, 48)
    key = jax.random.PRNGKey(1)
    trainer = DecoderTrainer(dataclasses.replace(CONFIG, tasks=TaskConfig(hidden_codes=0.0)), VOCAB)
    params = jax.jit(trainer.init)(jax.random.PRNGKey(0)).params
    whole = jax.jit(trainer.gradient)(params, packed, key)
    parts = DecoderTrainer(dataclasses.replace(CONFIG, accumulate=2, vocab_multiple=16), VOCAB, params)
    filled = parts.init(jax.random.PRNGKey(0)).params
    assert filled["embed"]["word"].shape == filled["head"]["weight"].shape == (32, 16)
    metrics, grads = jax.jit(parts.gradient)(filled, packed, key)
    assert metrics["loss"] == pytest.approx(float(whole[0]["loss"]), rel=1e-6)
    assert not np.asarray(grads["head"]["weight"][30:]).any()
    grads["head"]["weight"], grads["embed"]["word"] = grads["head"]["weight"][:30], grads["embed"]["word"][:30]
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6), grads, whole[1])
    assert parts.export(parts.init(jax.random.PRNGKey(0)))["embed"]["word"].shape == (30, 16)


def test_what_is_too_long_together_loses_questions_then_ends_never_codes():
    made = examples(3)
    least = packing.pack(made, 1, 35)
    codes = [t for e in made for t in (*e.prefix, *(x for b in e.branches for x in b.answer)) if t >= 20]
    assert sorted(least["tokens"][least["tokens"] >= 20]) == sorted(codes)
    assert least["segments"].max() == 2  # one question is left
    with pytest.raises(ValueError, match="but only 12 are there"):
        packing.pack(made, 1, 16)
