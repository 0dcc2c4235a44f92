"""Whether a model copies: the nearest training face of each generated one, by the image tokenizer's code vectors.

A face that the model has never seen has a nearest training face, too. So generated faces are compared with held-out
ones (Meehan et al., A Non-Parametric Test to Detect Data-Copying in Generative Models, 2020, arXiv:2004.05675): if they
are nearer to the training faces than held-out faces are, the model copies.
Axes: N faces, n codes of a face, D numbers of its codes' vectors.
"""

import dataclasses
from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.environment import computes
from t2f_jax.errors import UserError
from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line

BLOCK = 512  # faces whose vectors are in memory at once
RARE = 0.01  # a generated face counts as a copy if at most this share of the held-out faces is nearer


@dataclasses.dataclass(frozen=True)
class Nearest:
    """The nearest training face of each of N faces.

    Attributes:
      row_N: its index among the training faces.
      distance_N: root mean square difference of the two faces' code vectors, float64.
      same_N: share of their codes that are equal.
    """

    row_N: np.ndarray
    distance_N: np.ndarray
    same_N: np.ndarray


@jax.jit
def _squares(a_NxD: jax.Array, b_BxD: jax.Array) -> jax.Array:
    products = jnp.matmul(a_NxD, b_BxD.T, precision="highest")
    return (jnp.square(a_NxD).sum(1)[:, None] + jnp.square(b_BxD).sum(1) - 2 * products) / a_NxD.shape[1]


@computes
def nearest(
    codes_Nxn: np.ndarray, training: Iterable[np.ndarray], vectors: Callable[[np.ndarray], jax.Array]
) -> Nearest:
    """Searches the training faces for `BLOCK` faces at a time; one batch of vectors is in memory at a time.

    Args:
      training: their codes in batches, int [B, n].
      vectors: codes -> the code vectors of faces, [B, D], such as `ImageTokenizer.code_vectors`.

    Raises:
      UserError: there is no training face.
    """
    batches = [np.asarray(batch) for batch in training]
    if not batches:
        raise UserError("there is no training face to compare with; give the training part of the model's data")
    theirs = np.concatenate(batches)

    def of(codes: np.ndarray) -> jax.Array:
        return jnp.asarray(vectors(codes)).reshape(len(codes), -1)

    best, row = np.full(len(codes_Nxn), np.inf), np.zeros(len(codes_Nxn), int)
    for start in range(0, len(codes_Nxn), BLOCK):
        ours = slice(start, start + BLOCK)
        vectors_BxD, first = of(np.asarray(codes_Nxn[ours])), 0
        for batch in batches:
            squares_BxC = np.asarray(_squares(vectors_BxD, of(batch)))
            found = squares_BxC.min(1)
            row[ours] = np.where(found < best[ours], first + squares_BxC.argmin(1), row[ours])
            best[ours] = np.minimum(found, best[ours])
            first += len(batch)
    same = (np.asarray(codes_Nxn) == theirs[row]).mean(1)
    return Nearest(row, np.sqrt(np.maximum(best, 0)), same)


def memorization_figures(
    drawn: Nearest, held_out: Nearest, n_training: int, prefix: str = "memorization"
) -> list[Figure]:
    """Generated faces compared with held-out ones.

    Returns:
      `copies`: share of generated faces that are nearer to a training face than all but `RARE` of the held-out faces;
      about `RARE` if nothing is copied. `nearer`: probability that a generated face is nearer than a held-out one, one
      half if nothing is copied. `same_codes`: share of equal codes of a generated face and its nearest.
    """
    limit = np.quantile(held_out.distance_N, RARE)
    others = np.sort(held_out.distance_N)
    below, above = (np.searchsorted(others, drawn.distance_N, side) for side in ("left", "right"))
    nearer = 1 - (below + above) / (2 * len(others))  # an equal distance counts half
    choices = {"space": "code vectors", "n_training": n_training, "n_held_out": len(others), "version": 1}
    return [
        of_examples(
            f"{prefix}/{name}", values, unit="share", better="lower", protocol=protocol_line(name, **more, **choices)
        )
        for name, values, more in (
            ("copies", (drawn.distance_N < limit).astype(float), {"nearer_than": f"{RARE:.0%} of held-out"}),
            ("nearer", nearer, {}),
            ("same_codes", drawn.same_N, {}),
        )
    ]
