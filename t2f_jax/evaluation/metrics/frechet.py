"""Fréchet distance of two sets of features, as Gaussians: FID if the features are those of FID's Inception.

Source: Heusel et al., GANs Trained by a Two Time-Scale Update Rule, 2017, arXiv:1706.08500. Only means and covariances
are stored, so memory does not grow with the number of images. Axes: B batch, D features.
"""

import dataclasses
import pathlib
import zipfile
from collections.abc import Mapping

import numpy as np

from t2f_jax.errors import UserError
from t2f_jax.evaluation.figure import Figure, protocol_line
from t2f_jax.io.files import no_file


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """Mean [D] and covariance [D, D] (divided by n - 1), float64, of the features of `n` images; n is 0 if unknown."""

    mean: np.ndarray
    covariance: np.ndarray
    n: int = 0


class Moments:
    """Running sums over features, float64."""

    def __init__(self, size: int):
        self.n = 0
        self._sum_D = np.zeros(size)
        self._products_DxD = np.zeros((size, size))

    def add(self, features_BxD: np.ndarray) -> None:
        """Adds a batch."""
        batch = np.asarray(features_BxD, np.float64)
        self.n += len(batch)
        self._sum_D += batch.sum(0)
        self._products_DxD += batch.T @ batch

    def gaussian(self) -> Gaussian:
        """The Gaussian of all added batches. Raises UserError for fewer than two images."""
        if self.n < 2:
            raise UserError(f"a Fréchet distance needs two images of each set and more, got {self.n}")
        mean_D = self._sum_D / self.n
        return Gaussian(mean_D, (self._products_DxD - np.outer(self._sum_D, mean_D)) / (self.n - 1), self.n)


def read_gaussian(path: pathlib.Path, size: int) -> Gaussian:
    """Statistics of a reference set that pytorch-fid (`mu`, `sigma` in a .npz file) or clean-fid saved.

    Raises:
      UserError: no such file, a file of another kind, or statistics of a number of features other than `size`.
    """
    if wrong := no_file(path):
        raise UserError(f"{path}: {wrong}; give a .npz file with 'mu' and 'sigma'")
    try:
        with np.load(path) as archive:
            mean, covariance = archive["mu"], archive["sigma"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: no .npz file with 'mu' and 'sigma' ({error})") from error
    if mean.shape != (size,) or covariance.shape != (size, size):
        raise UserError(
            f"{path}: 'mu' has shape {mean.shape} and 'sigma' {covariance.shape}; the network gives {size} features"
        )
    return Gaussian(mean.astype(np.float64), covariance.astype(np.float64))


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """|m1 - m2|² + tr(S1 + S2 - 2 (S1^½ S2 S1^½)^½), not below 0.

    The trace of the root comes from the eigenvalues of a symmetric matrix, which needs no offset for singular
    covariances (fewer images than features), and no complex numbers.
    """
    root = _root(first.covariance)
    crossed = np.linalg.eigvalsh(root @ second.covariance @ root)
    shift = np.square(first.mean - second.mean).sum()
    traces = np.trace(first.covariance) + np.trace(second.covariance)
    return max(0.0, float(shift + traces - 2 * np.sqrt(_positive(crossed)).sum()))


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(_positive(values))) @ vectors.T


def _positive(eigenvalues: np.ndarray) -> np.ndarray:
    """Eigenvalues of a positive semidefinite matrix; those below 0 by rounding become 0."""
    least = eigenvalues.max(initial=0.0) * len(eigenvalues) * np.finfo(np.float64).eps
    return np.where(eigenvalues > least, eigenvalues, 0.0)


def frechet_figure(name: str, real: Gaussian, drawn: Gaussian, network: Mapping[str, object]) -> Figure:
    """The distance as a figure, without an interval: its bootstrap would be biased.

    Args:
      network: the choices that made the features, for the protocol.
    """
    protocol = protocol_line("frechet", **network, n_real=real.n or "unknown", n_drawn=drawn.n, version=1)
    return Figure(name, frechet_distance(real, drawn), drawn.n, "", "lower", protocol)
