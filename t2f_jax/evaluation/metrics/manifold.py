"""Precision and recall, density and coverage of a set of features, by balls up to the k-th nearest neighbour.

Sources: Kynkäänniemi et al., Improved Precision and Recall Metric, 2019, arXiv:1904.06991; Naeem et al., Reliable
Fidelity and Diversity Metrics for Generative Models, 2020, arXiv:2002.09797. All four depend on both numbers of images.
Axes: N features of real images, M of drawn ones, D numbers of a feature, B rows of a block.
"""

import dataclasses
from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.errors import UserError
from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line

NEIGHBOURS = 3  # k
BLOCK = 256  # rows whose distances to all others are held at once


@dataclasses.dataclass(frozen=True)
class Manifold:
    """What each feature adds to the four figures, whose means they are.

    Attributes:
      precision_M: whether a drawn image lies in the ball of a real one.
      density_M: in how many balls of real images a drawn one lies, over k; 1 in the mean for two equal sets.
      recall_N: whether a real image lies in the ball of a drawn one.
      coverage_N: whether a drawn image lies in a real one's ball.
    """

    precision_M: np.ndarray
    density_M: np.ndarray
    recall_N: np.ndarray
    coverage_N: np.ndarray


def compare(real_NxD: np.ndarray, drawn_MxD: np.ndarray, k: int = NEIGHBOURS) -> Manifold:
    """Compares the sets. The distances of BLOCK features to all others are held at once.

    Raises:
      UserError: a set has no more than k features.
    """
    n, m = len(real_NxD), len(drawn_MxD)
    if min(n, m) <= k:
        raise UserError(
            f"precision and recall by {k} neighbours need more than {k} images of each set, got {n} and {m}"
        )
    centre_D = np.mean(real_NxD, axis=0, dtype=np.float64)  # small numbers round less
    real, drawn = (np.asarray(x - centre_D, np.float32) for x in (real_NxD, drawn_MxD))
    radii_N, radii_M = (_radii(x, k) for x in (real, drawn))
    precision_M, density_M = np.zeros(m, bool), np.zeros(m)
    recall_N, coverage_N = np.zeros(n, bool), np.zeros(n, bool)
    for rows, squares_BxN in _distances(drawn, real):
        inside_BxN = squares_BxN < radii_N
        precision_M[rows] = inside_BxN.any(1)
        density_M[rows] = inside_BxN.sum(1) / k
        coverage_N |= inside_BxN.any(0)
        recall_N |= (squares_BxN < radii_M[rows, None]).any(0)
    return Manifold(precision_M, density_M, recall_N, coverage_N)


def manifold_figures(
    prefix: str, suffix: str, real_NxD: np.ndarray, drawn_MxD: np.ndarray, network: Mapping[str, object]
) -> list[Figure]:
    """`PREFIX/precision_SUFFIX` and its three sisters.

    `per_example` of precision and density follows the drawn images, that of recall and coverage the real ones. Their
    intervals keep the other set, and all balls, as they are.

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


def _distances(a_MxD: np.ndarray, b_NxD: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """(rows, their squared distances to all of b, [B, N]), block by block."""
    on_device = jnp.asarray(b_NxD)
    for start in range(0, len(a_MxD), BLOCK):
        rows = slice(start, start + BLOCK)
        yield rows, np.asarray(_squares(jnp.asarray(a_MxD[rows]), on_device))


def _radii(x_NxD: np.ndarray, k: int) -> np.ndarray:
    """Squared distance of each feature to its k-th nearest other one, [N]."""
    return np.concatenate([np.partition(squares, k, axis=1)[:, k] for _, squares in _distances(x_NxD, x_NxD)])
