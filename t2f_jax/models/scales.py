"""Codes at several scales: each grid of codes encodes the residual that the coarser grids leave.

Residual quantization (Lee et al., 2022, arXiv:2203.01941) over growing grids (Tian et al., 2024, arXiv:2404.02905),
with one codebook for all. An image's codes are ordered grid after grid, each row-major. Two grids of the same side are
two codes per place. One grid of the encoder's side is plain vector quantization.

Axes: B batch, G side of the encoder's output, S side of a grid of codes (it divides G), E code width, N codes of an
image, M code positions of a batch, K codes of the codebook.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from t2f_jax.models.quantizer import nearest


class Quantized(NamedTuple):
    """The result of `quantize`. M runs over the grids, within a grid over the images, within an image row by row."""

    codes_BxN: jax.Array  # int32
    sums: list[jax.Array]  # [B, G, G, E] each: the vectors of the first grid, of the first two, ..., of all
    inputs_MxE: jax.Array  # the vector that each code was chosen for
    codes_M: jax.Array  # int32, the same codes in the order of `inputs_MxE`


def quantize(z_BxGxGxE: jax.Array, codebook_KxE: jax.Array, grids: Sequence[int]) -> Quantized:
    """Chooses the codes of each grid (`grids`: sides, coarse to fine). Only `sums` has a gradient, by the codebook."""
    batch, side, _, width = z_BxGxGxE.shape
    left = jax.lax.stop_gradient(z_BxGxGxE)
    codes, sums, inputs = [], [], []
    for grid in grids:
        means = pool(left, grid)
        chosen = nearest(means, jax.lax.stop_gradient(codebook_KxE))
        vectors = spread(codebook_KxE[chosen], side)
        sums.append(sums[-1] + vectors if sums else vectors)
        left = left - jax.lax.stop_gradient(vectors)
        codes.append(chosen.reshape(batch, -1))
        inputs.append(means.reshape(-1, width))
    return Quantized(
        jnp.concatenate(codes, 1), sums, jnp.concatenate(inputs), jnp.concatenate([c.reshape(-1) for c in codes])
    )


def assemble(codes_BxN: jax.Array, lookup: Callable[[jax.Array], jax.Array], grids: Sequence[int]) -> jax.Array:
    """The codes' vectors, summed over the grids: fp32 [B, G, G, E], G the largest grid's side.

    Args:
      lookup: codes, int [...] -> vectors [..., E].
    """
    total, first = None, 0
    for grid in grids:
        codes_BxSxS = codes_BxN[:, first : first + grid**2].reshape(-1, grid, grid)
        vectors = spread(lookup(codes_BxSxS), max(grids))
        total = vectors if total is None else total + vectors
        first += grid**2
    assert total is not None, "at least one grid"
    return total


def pool(x_BxGxGxE: jax.Array, side: int) -> jax.Array:
    """Means over equal squares: [B, side, side, E]."""
    batch, whole, _, width = x_BxGxGxE.shape
    if side == whole:
        return x_BxGxGxE
    part = whole // side
    return x_BxGxGxE.reshape(batch, side, part, side, part, width).mean((2, 4))


def spread(x_BxSxSxE: jax.Array, side: int) -> jax.Array:
    """Each vector repeated over a square: [B, side, side, E]."""
    part = side // x_BxSxSxE.shape[1]
    return x_BxSxSxE if part == 1 else x_BxSxSxE.repeat(part, 1).repeat(part, 2)
