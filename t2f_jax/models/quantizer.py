"""Vector quantization (van den Oord et al., 2017, arXiv:1711.00937): the nearest code, and updates of the codebook.

A codebook is learned by gradient, or as the moving average of the encoder outputs that chose each code (appendix A.1 of
the paper). Codes that are no longer chosen are moved onto encoder outputs.

Axes: M code positions of a batch, K codes, E code width; "..." any leading axes.
"""

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp


def nearest(z_xE: jax.Array, codebook_KxE: jax.Array) -> jax.Array:
    """Index of the code nearest to each vector, int32 [...]: argmin of |z|^2 + |e|^2 - 2 z e.

    In fp32 at the highest matmul precision: bf16 products flip close decisions.
    """
    z = z_xE.astype(jnp.float32)
    codebook = codebook_KxE.astype(jnp.float32)
    products = jnp.einsum("...e,ke->...k", z, codebook, precision=jax.lax.Precision.HIGHEST)
    distances = jnp.square(z).sum(-1, keepdims=True) + jnp.square(codebook).sum(-1) - 2 * products
    return distances.argmin(-1).astype(jnp.int32)


class Quantizer(nn.Module):
    """The codebook `embedding`, fp32 [K, E]."""

    size: int
    width: int

    def setup(self):
        """The codebook."""

        def init(key: jax.Array, shape: tuple[int, int]) -> jax.Array:
            return jax.random.uniform(key, shape, minval=-1 / self.size, maxval=1 / self.size)  # the original's

        self.embedding = self.param("embedding", init, (self.size, self.width))

    def lookup(self, codes: jax.Array) -> jax.Array:
        """Codes, int [...] -> their vectors, fp32 [..., E]."""
        return self.embedding[codes]

    def __call__(self, z_xE: jax.Array) -> jax.Array:
        """Vectors [..., E] -> the nearest codes, int32 [...]."""
        return nearest(z_xE, self.embedding)


def straight_through(z: jax.Array, vectors: jax.Array) -> jax.Array:
    """The value of `vectors` with the gradient of `z`."""
    return z + jax.lax.stop_gradient(vectors - z)


@flax.struct.dataclass
class Codebook:
    """Statistics of a codebook, kept between training steps."""

    ready: jax.Array  # bool scalar: False until the codes have been placed on encoder outputs
    count: jax.Array  # fp32 [K]: moving average of how many vectors of a batch chose each code
    total: jax.Array  # fp32 [K, E]: moving average of the sum of those vectors
    unused: jax.Array  # int32 [K]: steps since each code was last chosen


def fresh(size: int, width: int) -> Codebook:
    """The statistics of a codebook before the first batch."""
    zeros = jnp.zeros
    return Codebook(zeros((), bool), zeros((size,)), zeros((size, width)), zeros((size,), jnp.int32))


def sample_rows(key: jax.Array, z_MxE: jax.Array, size: int) -> jax.Array:
    """`size` of the vectors in random order, [size, E]; all are taken once before any is taken twice."""
    order = jnp.argsort(jax.random.bits(key, (z_MxE.shape[0],)))
    return z_MxE[order[jnp.arange(size) % z_MxE.shape[0]]]


def place(stats: Codebook, codebook_KxE: jax.Array, rows_KxE: jax.Array) -> tuple[Codebook, jax.Array]:
    """Before a step: places the codes on encoder outputs `rows` if that has not been done yet.

    Returns:
      (statistics, codes [K, E]). A placed code starts with a count of one vector.
    """
    codes = jnp.where(stats.ready, codebook_KxE, rows_KxE)
    ready = stats.ready
    return stats.replace(  # type: ignore[attr-defined]
        ready=jnp.ones_like(ready),
        count=jnp.where(ready, stats.count, 1.0),
        total=jnp.where(ready, stats.total, rows_KxE),
    ), codes


def observe(
    stats: Codebook, codebook_KxE: jax.Array, z_MxE: jax.Array, codes_M: jax.Array, decay: float
) -> tuple[Codebook, jax.Array]:
    """Updates the statistics with a batch.

    Returns:
      (statistics, the EMA codes [K, E]): each code is the weighted mean of the vectors that chose it. One that is not
      chosen keeps its place: its count and its total decay alike, and below a count of 1e-6 it is not updated.
    """
    size = stats.count.shape[0]
    # A product, not a scatter: scatters add in no fixed order on GPUs, and a resumed run must match bit for bit.
    chosen_MxK = jax.nn.one_hot(codes_M, size, dtype=jnp.float32)
    hits_K = chosen_MxK.sum(0)
    sums_KxE = jnp.einsum("mk,me->ke", chosen_MxK, z_MxE, precision=jax.lax.Precision.HIGHEST)
    count = decay * stats.count + (1 - decay) * hits_K
    total = decay * stats.total + (1 - decay) * sums_KxE
    unused = jnp.where(hits_K > 0, 0, stats.unused + 1)
    stats = stats.replace(count=count, total=total, unused=unused)  # type: ignore[attr-defined]
    seen = count[:, None] > 1e-6
    return stats, jnp.where(seen, total / jnp.where(seen, count[:, None], 1), codebook_KxE)


def revive(
    stats: Codebook, codebook_KxE: jax.Array, rows_KxE: jax.Array, after: int
) -> tuple[Codebook, jax.Array, jax.Array]:
    """Moves each code that was not chosen for `after` steps onto its encoder output among `rows`.

    Returns:
      (statistics, codes [K, E], bool [K]: which codes moved). A moved code restarts with a count of one vector.
    """
    dead_K = stats.unused >= after
    codes = jnp.where(dead_K[:, None], rows_KxE, codebook_KxE)
    stats = stats.replace(  # type: ignore[attr-defined]
        count=jnp.where(dead_K, 1.0, stats.count),
        total=jnp.where(dead_K[:, None], rows_KxE, stats.total),
        unused=jnp.where(dead_K, 0, stats.unused),
    )
    return stats, codes, dead_K


def usage(codes: jax.Array, size: int, weight: jax.Array | None = None) -> dict[str, jax.Array]:
    """A batch's use of the codes: `codebook_use` (share of codes chosen at all) and `perplexity` (exp of the entropy).

    Args:
      codes: int [B, N]. weight: fp32 [B], 0 leaves a row out.
    """
    weights = jnp.ones(codes.shape) if weight is None else jnp.broadcast_to(weight[:, None], codes.shape)
    hits = jnp.zeros(size).at[codes.reshape(-1)].add(weights.reshape(-1))
    share = hits / jnp.maximum(hits.sum(), 1)
    entropy = -jnp.where(share > 0, share * jnp.log(jnp.where(share > 0, share, 1)), 0).sum()
    return {"codebook_use": (hits > 0).mean(), "perplexity": jnp.exp(entropy)}
