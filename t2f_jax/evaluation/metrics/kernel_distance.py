"""Kernel distance of two sets of features: KID if the features are those of FID's Inception.

Source: Bińkowski et al., Demystifying MMD GANs, 2018, arXiv:1801.01401: the unbiased squared maximum mean discrepancy
under the kernel (x·y / D + 1)³. All pairs are used; other programs average over random subsets of 1,000.
Axes: N features of real images, M of generated ones, D numbers of a feature.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.errors import UserError
from t2f_jax.evaluation.figure import Figure, protocol_line
from t2f_jax.io.arrays import ChosenRows

Features = np.ndarray | ChosenRows
BLOCK = 1024  # rows of each set whose products are in memory at once


@jax.jit
def _row_sums(a_NxD: jax.Array, b_MxD: jax.Array) -> jax.Array:
    """Sum over b of the kernel's values minus 1, which is more precise in float32, [N]."""
    x = jnp.matmul(a_NxD, b_MxD.T, precision="highest") / a_NxD.shape[1]
    return (x * (x * (x + 3) + 3)).sum(1)


def _sums(a_NxD: Features, b_MxD: Features) -> np.ndarray:
    """`_row_sums`, block by block, summed in float64."""
    total_N = np.zeros(len(a_NxD))
    for i in range(0, len(a_NxD), BLOCK):
        a = np.asarray(a_NxD[i : i + BLOCK], np.float32)
        for j in range(0, len(b_MxD), BLOCK):
            b = np.asarray(b_MxD[j : j + BLOCK], np.float32)
            total_N[i : i + len(a)] += np.asarray(_row_sums(a, b), np.float64)
    return total_N


def _self_values(a_NxD: Features) -> np.ndarray:
    blocks = (a_NxD[i : i + BLOCK] for i in range(0, len(a_NxD), BLOCK))
    x = np.concatenate([np.square(np.asarray(a, np.float32), dtype=np.float64).mean(1) for a in blocks])
    return x * (x * (x + 3) + 3)


def kernel_distance(real_NxD: Features, drawn_MxD: Features) -> tuple[float, float]:
    """The unbiased squared discrepancy (it may be below 0), and its standard error over both sets.

    The error is that of a U-statistic, from each feature's contribution; it is too small if both sets come from the
    same distribution.

    Args:
      real_NxD, drawn_MxD: float32; a block of each is in memory at a time.

    Raises:
      UserError: fewer than two features in a set.
    """
    n, m = len(real_NxD), len(drawn_MxD)
    if min(n, m) < 2:
        raise UserError(f"a kernel distance needs two images of each set and more, got {n} and {m}")
    within_N = (_sums(real_NxD, real_NxD) - _self_values(real_NxD)) / (n - 1)
    within_M = (_sums(drawn_MxD, drawn_MxD) - _self_values(drawn_MxD)) / (m - 1)
    across_N, across_M = _sums(real_NxD, drawn_MxD) / m, _sums(drawn_MxD, real_NxD) / n
    value = within_N.mean() + within_M.mean() - across_N.mean() - across_M.mean()
    variance = 4 * (np.var(within_N - across_N, ddof=1) / n + np.var(within_M - across_M, ddof=1) / m)
    return float(value), float(np.sqrt(variance))


def kernel_figure(name: str, real_NxD: Features, drawn_MxD: Features, network: Mapping[str, object]) -> Figure:
    """The distance as a figure, not times 1000.

    Args:
      network: the choices that made the features, for the protocol.
    """
    value, error = kernel_distance(real_NxD, drawn_MxD)
    n, m = len(real_NxD), len(drawn_MxD)
    return Figure(
        *(name, value, m, "", "lower"),
        protocol=protocol_line(
            "kernel", **network, kernel="cubic", estimate="unbiased", pairs="all", n_real=n, n_drawn=m, version=1
        ),
        interval=(value - 1.96 * error, value + 1.96 * error),
        interval_over="examples",
    )
