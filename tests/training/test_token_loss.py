"""The chunked cross-entropy against the plain formula."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.tokens.sequence import TASKS
from t2f_jax.training import token_loss

VOCAB, ROWS = 11, 13  # two rows of the table only fill it up


def inputs(places, share=0.4):
    """Hidden states [2,L,M], a table, targets, weights (most of them 0) and tasks."""
    rng = np.random.default_rng(places)
    shape = (2, places // 2)
    hidden, table = rng.normal(size=(*shape, 6)), rng.normal(size=(ROWS, 6)) * 3
    weights = rng.uniform(0.5, 2, shape) * (rng.random(shape) < share)
    tasks = rng.integers(0, len(TASKS), shape)
    floats = [jnp.asarray(x, jnp.float32) for x in (hidden, table, weights)]
    return floats[0], floats[1], jnp.asarray(rng.integers(0, VOCAB, shape)), floats[2], jnp.asarray(tasks)


def plain_sums(hidden, table, targets, weights, tasks):
    logits = jnp.einsum("blm,vm->blv", hidden, table[:VOCAB])
    nll = -jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], -1)[..., 0]
    scored = (weights > 0).astype(jnp.float32)
    sums = [(weights * nll).sum(), ((logits.argmax(-1) == targets) * scored).sum(), scored.sum()]
    for task in range(len(TASKS)):
        sums += [(nll * scored * (tasks == task)).sum(), (scored * (tasks == task)).sum()]
    return jnp.stack(sums)


@pytest.mark.parametrize("places", [10, 64, 130, 1100])  # less than a chunk, one, several, another size of chunks
def test_sums_are_those_of_the_plain_formula(places):
    arrays = inputs(places)
    sums = jax.jit(token_loss.target_sums, static_argnums=5)(*arrays, VOCAB)
    assert sums.shape == (token_loss.SUMS,) and sums.dtype == jnp.float32
    np.testing.assert_allclose(sums, plain_sums(*arrays), rtol=1e-5)


def test_the_gradient_is_that_of_the_plain_formula():
    hidden, table, *rest = inputs(130)
    gradient = jax.jit(jax.grad(lambda h, t: token_loss.target_sums(h, t, *rest, VOCAB)[0], (0, 1)))(hidden, table)
    wanted = jax.grad(lambda h, t: plain_sums(h, t, *rest)[0], (0, 1))(hidden, table)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), gradient, wanted)
    assert not np.asarray(gradient[1])[VOCAB:].any()


def test_a_batch_without_targets_sums_up_to_zero():
    hidden, table, targets, weights, tasks = inputs(130)
    np.testing.assert_array_equal(token_loss.target_sums(hidden, table, targets, 0 * weights, tasks, VOCAB), 0)
