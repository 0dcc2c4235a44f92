"""Structural similarity of pairs of images.

Source: Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004, with its settings:
a Gaussian window of standard deviation 1.5 and 11 pixels, K1 0.01, K2 0.03, population covariances, and the mean over
the positions of the window inside the image. Axes: B images, S pixels of a side, P positions of the window.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.environment import computes
from t2f_jax.errors import UserError
from t2f_jax.evaluation.figure import protocol_line

WINDOW, DEVIATION = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2  # of values in 0..1
PROTOCOL = protocol_line(
    "ssim", window="gaussian 11 of 1.5", range=255, channels="rgb mean", quantised="uint8", version=1
)


@computes
def ssim(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """uint8 [B, S, S, 3] twice -> the similarity of each pair, at most 1, float64 [B].

    Raises:
      UserError: images smaller than the window.
    """
    side = first.shape[1]
    if side < WINDOW:
        raise UserError(f"SSIM needs images of {WINDOW} pixels a side and more, got {side}")
    return np.asarray(_ssim(jnp.asarray(first), jnp.asarray(second)), np.float64)


@functools.cache
def _window(side: int) -> np.ndarray:
    """[P, S]: the Gaussian's weights at each position."""
    taps = np.exp(-0.5 * np.square((np.arange(WINDOW) - WINDOW // 2) / DEVIATION))
    weights = np.zeros((side - WINDOW + 1, side), np.float32)
    for position, row in enumerate(weights):
        row[position : position + WINDOW] = taps / taps.sum()
    return weights


@jax.jit
def _ssim(first: jax.Array, second: jax.Array) -> jax.Array:
    window_PxS = jnp.asarray(_window(first.shape[1]))

    def blurred(x: jax.Array) -> jax.Array:
        return jnp.einsum("ps,qt,bstc->bpqc", window_PxS, window_PxS, x, precision="highest")

    x, y = (image.astype(jnp.float32) / 255 - 0.5 for image in (first, second))  # smaller numbers round less
    mean_x, mean_y = blurred(x), blurred(y)
    variance_x, variance_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    mean_x, mean_y = mean_x + 0.5, mean_y + 0.5
    light = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    return (light * (2 * covariance + _C2) / (variance_x + variance_y + _C2)).mean((1, 2, 3))
