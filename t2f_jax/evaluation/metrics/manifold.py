"""Precision and recall, density and coverage of a set of features, by balls up to the k-th nearest neighbour.

Sources: Kynkäänniemi et al., Improved Precision and Recall Metric, 2019, arXiv:1904.06991; Naeem et al., Reliable
Fidelity and Diversity Metrics for Generative Models, 2020, arXiv:2002.09797. All four depend on both numbers of images.
Axes: N features of real images, M of generated ones, D numbers of a feature, B rows of a block.
"""

import dataclasses
from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.errors import UserError
from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line
from t2f_jax.io.arrays import ChosenRows

NEIGHBOURS = 3  # k
Features = np.ndarray | ChosenRows
BLOCK = 1024  # features of each set whose distances are in memory at once


@dataclasses.dataclass(frozen=True)
class Manifold:
    """The contribution of each feature to the four figures, which are their means.

    Attributes:
      precision_M: whether a generated image is in the ball of a real one.
      density_M: the number of real images' balls that contain a generated one, over k; about 1 for equal sets.
      recall_N: whether a real image is in the ball of a generated one.
      coverage_N: whether the ball of a real image contains a generated one.
    """

    precision_M: np.ndarray
    density_M: np.ndarray
    recall_N: np.ndarray
    coverage_N: np.ndarray


def compare(real_NxD: Features, drawn_MxD: Features, k: int = NEIGHBOURS) -> Manifold:
    """Compares the sets, block by block.

    Raises:
      UserError: a set has no more than k features.
    """
    n, m = len(real_NxD), len(drawn_MxD)
    if min(n, m) <= k:
        raise UserError(
            f"precision and recall by {k} neighbours need more than {k} images of each set, got {n} and {m}"
        )
    sums = [np.sum(real_NxD[i : i + BLOCK], axis=0, dtype=np.float64) for i in range(0, n, BLOCK)]
    centre_D = np.sum(sums, axis=0) / n
    radii_N, radii_M = (_radii(x, k, centre_D) for x in (real_NxD, drawn_MxD))
    holds_M, recall_N, coverage_N = np.zeros(m, int), np.zeros(n, bool), np.zeros(n, bool)
    for rows, columns, squares_BxC in _distances(drawn_MxD, real_NxD, centre_D):
        inside_BxC = squares_BxC < radii_N[columns]
        holds_M[rows] += inside_BxC.sum(1)
        coverage_N[columns] |= inside_BxC.any(0)
        recall_N[columns] |= (squares_BxC < radii_M[rows, None]).any(0)
    return Manifold(holds_M > 0, holds_M / k, recall_N, coverage_N)


def manifold_figures(
    prefix: str, suffix: str, real_NxD: Features, drawn_MxD: Features, network: Mapping[str, object]
) -> list[Figure]:
    """`PREFIX/precision_SUFFIX`, and likewise recall, density and coverage.

    `per_example` of precision and density is over the generated images, that of recall and coverage over the real ones.
    Their intervals hold the other set and all balls fixed.

    Args:
      network: the choices that made the features, for the protocol.
    """
    found, n, m = compare(real_NxD, drawn_MxD), len(real_NxD), len(drawn_MxD)
    return [
        of_examples(
            f"{prefix}/{name}_{suffix}",
            values.astype(np.float64),
            unit="" if name == "density" else "share",
            better="higher",
            protocol=protocol_line(name, **network, k=NEIGHBOURS, n_real=n, n_drawn=m, version=1),
        )
        for name, values in (
            ("precision", found.precision_M),
            ("recall", found.recall_N),
            ("density", found.density_M),
            ("coverage", found.coverage_N),
        )
    ]


@jax.jit
def _squares(a_BxD: jax.Array, b_NxD: jax.Array) -> jax.Array:
    products = jnp.matmul(a_BxD, b_NxD.T, precision="highest")
    return jnp.square(a_BxD).sum(1)[:, None] + jnp.square(b_NxD).sum(1) - 2 * products


def _distances(a_MxD: Features, b_NxD: Features, centre_D: np.ndarray) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """(rows of a, rows of b, the squared distances between them), by blocks: for each block of a, all blocks of b."""
    for i in range(0, len(a_MxD), BLOCK):
        rows = slice(i, i + BLOCK)
        a_BxD = np.asarray(a_MxD[rows] - centre_D, np.float32)  # smaller numbers have smaller rounding errors
        for j in range(0, len(b_NxD), BLOCK):
            columns = slice(j, j + BLOCK)
            yield rows, columns, np.asarray(_squares(a_BxD, np.asarray(b_NxD[columns] - centre_D, np.float32)))


def _radii(x_NxD: Features, k: int, centre_D: np.ndarray) -> np.ndarray:
    """Squared distance of each feature to its k-th nearest neighbour, [N]."""
    nearest_Nx1k = np.full((len(x_NxD), k + 1), np.inf, np.float32)  # includes itself
    for rows, _, squares_BxC in _distances(x_NxD, x_NxD, centre_D):
        both = np.concatenate([nearest_Nx1k[rows], squares_BxC], axis=1)
        nearest_Nx1k[rows] = np.partition(both, k, axis=1)[:, : k + 1]
    return nearest_Nx1k.max(1)
