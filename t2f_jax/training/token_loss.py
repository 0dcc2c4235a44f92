"""Cross-entropy of the joint vocabulary only at target places, without an array of batch x length x vocabulary.

Axis legend: B rows, L length, M model width, V rows of the head's table, N = B L places, C places of a chunk.

The places with a target are moved to the front and go through the head chunk by chunk; chunks without a target are
skipped at run time, so that no limit fixed at compilation can drop a target. A chunk's gradient is computed with its
loss, from the same logits: the backward pass only scales it.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from t2f_jax.distributed import partitioning
from t2f_jax.tokens.sequence import TASKS

MASKED_LOGIT = -1e9  # of ids that only pad the table
Scored = tuple[jax.Array, jax.Array, jax.Array]  # nll [n,C], right [n,C], sum of weight * nll
Chunk = tuple[jax.Array, jax.Array, jax.Array]  # three arrays of the places of a chunk
SUMS = 3 + 2 * len(TASKS)  # see `target_sums`


def chunk_size(places: int) -> int:
    """Number of places that the head scores together: small enough for memory, large enough for fast products."""
    return 2048 if places >= 8192 else 128 if places >= 1024 else 64


def target_sums(
    hidden_BxLxM: jax.Array,
    table_VxM: jax.Array,
    targets_BxL: jax.Array,
    weights_BxL: jax.Array,
    task_BxL: jax.Array,
    vocab_size: int,
) -> jax.Array:
    """Sums over all targets, float32 [SUMS].

    [0] weight times negative log-likelihood in nats: the only one with a gradient; [1] number of targets that are the
    most likely id; [2] number of targets; then for each task its negative log-likelihood and its number of targets.

    Args:
      hidden_BxLxM: the final norm's output, in the products' type.
      table_VxM: the head's rows; ids from `vocab_size` on are padding.
      weights_BxL: float32; a place of weight 0 has no target.
      task_BxL: int32, the place's task (`sequence.TO_IMAGE` ...).
    """

    def local_sums(*arrays: jax.Array) -> jax.Array:
        return _local_sums(arrays, vocab_size)[None, None]

    rows = ("batch", "length")
    inputs = ((*rows, None), (None, None), rows, rows, rows)
    # Cast before it is gathered: half the bytes on the way.
    sums = partitioning.per_device(local_sums, inputs, (*rows, None))(
        hidden_BxLxM, table_VxM.astype(hidden_BxLxM.dtype), targets_BxL, weights_BxL, task_BxL
    )
    return sums.sum((0, 1))


def _local_sums(arrays: tuple[jax.Array, ...], vocab_size: int) -> jax.Array:
    """`target_sums` of one device's rows."""
    hidden, table, targets, weights, task = arrays
    places = targets.size
    size = chunk_size(places)
    spare = -places % size
    flat_weights = jnp.pad(weights.reshape(-1), (0, spare))
    order = jnp.argsort(flat_weights <= 0, stable=True)

    def split(x: jax.Array) -> jax.Array:
        x = jnp.pad(x.reshape(places, *x.shape[2:]), ((0, spare), *[(0, 0)] * (x.ndim - 2)))
        return jnp.take(x, order, axis=0, unique_indices=True).reshape(-1, size, *x.shape[1:])

    scored: Any = _scan(split(hidden), table, split(targets), split(weights), vocab_size)  # custom_vjp hides the type
    nll, right, weighted = scored
    target = (split(weights) > 0).astype(jnp.float32)
    tasks = split(task)
    by_task = [(jnp.sum(nll * of), jnp.sum(of)) for of in (target * (tasks == t) for t in range(len(TASKS)))]
    sums = [weighted, jnp.sum(right), jnp.sum(target), *(x for pair in by_task for x in pair)]
    return jnp.stack(sums)


def _chunk(hidden: jax.Array, table: jax.Array, targets: jax.Array, vocab_size: int) -> tuple[jax.Array, ...]:
    """-> logits [C,V] float32, log-normalizer [C], nll [C], right [C]."""
    logits = jnp.einsum("nm,vm->nv", hidden, table, preferred_element_type=jnp.float32)
    if table.shape[0] > vocab_size:
        logits = jnp.where(jnp.arange(table.shape[0]) < vocab_size, logits, MASKED_LOGIT)
    chosen = jnp.take_along_axis(logits, targets[:, None], -1)[:, 0]
    best = logits.max(-1)
    total = best + jnp.log(jnp.exp(logits - best[:, None]).sum(-1))
    return logits, total, total - chosen, (chosen >= best).astype(jnp.float32)


@functools.partial(jax.custom_vjp, nondiff_argnums=(4,))
def _scan(hidden: jax.Array, table: jax.Array, targets: jax.Array, weights: jax.Array, vocab_size: int) -> Scored:
    """hidden [n,C,M], the rest [n,C] -> nll [n,C], right [n,C], sum of weight * nll; only the sum has a gradient."""

    def score(hidden: jax.Array, targets: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
        _, _, nll, right = _chunk(hidden, table, targets, vocab_size)
        target = (weights > 0).astype(jnp.float32)
        return nll * target, right * target

    def skip(hidden: jax.Array, targets: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jnp.zeros(targets.shape), jnp.zeros(targets.shape)

    def one(chunk: Chunk) -> tuple[jax.Array, jax.Array]:
        return jax.lax.cond((chunk[2] > 0).any(), score, skip, *chunk)

    nll, right = jax.lax.map(one, (hidden, targets, weights))
    return nll, right, jnp.sum(weights * nll)


def _scan_forward(
    hidden: jax.Array, table: jax.Array, targets: jax.Array, weights: jax.Array, vocab_size: int
) -> tuple[Scored, tuple[jax.Array, jax.Array]]:
    """As `_scan`, and the gradient of the weighted sum: by hidden [n,C,M] and by the table, float32 [V,M]."""

    def score(pull_table: jax.Array, chunk: Chunk) -> tuple[jax.Array, Chunk]:
        hidden, targets, weights = chunk
        logits, total, nll, right = _chunk(hidden, table, targets, vocab_size)
        target = (weights > 0).astype(jnp.float32)
        # d nll / d logits = softmax - one_hot
        pull = jnp.exp(logits - total[:, None])
        pull = jnp.where(jnp.arange(pull.shape[1]) == targets[:, None], pull - 1, pull) * weights[:, None]
        pull = pull.astype(hidden.dtype)
        pull_hidden = (pull @ table).astype(hidden.dtype)
        pull_table += jnp.einsum("nv,nm->vm", pull, hidden, preferred_element_type=jnp.float32)
        return pull_table, (nll * target, right * target, pull_hidden)

    def skip(pull_table: jax.Array, chunk: Chunk) -> tuple[jax.Array, Chunk]:
        zero = jnp.zeros(chunk[1].shape)
        return pull_table, (zero, zero, jnp.zeros_like(chunk[0]))

    def one(pull_table: jax.Array, chunk: Chunk) -> tuple[jax.Array, Chunk]:
        return jax.lax.cond((chunk[2] > 0).any(), score, skip, pull_table, chunk)

    zero = jnp.zeros(table.shape, jnp.float32)
    pull_table, (nll, right, pull_hidden) = jax.lax.scan(one, zero, (hidden, targets, weights))
    return (nll, right, jnp.sum(weights * nll)), (pull_hidden, pull_table.astype(table.dtype))


def _scan_backward(
    vocab_size: int, kept: tuple[jax.Array, jax.Array], pulls: Scored
) -> tuple[jax.Array, jax.Array, None, None]:
    pull_hidden, pull_table = kept
    scale = pulls[2]
    return pull_hidden * scale.astype(pull_hidden.dtype), pull_table * scale.astype(pull_table.dtype), None, None


_scan.defvjp(_scan_forward, _scan_backward)
