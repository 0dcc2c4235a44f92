"""Resizing of images for feature networks, by the methods of the programs whose numbers are published.

The methods differ enough to change a FID by points (Parmar et al., 2022, arXiv:2104.11222), so a figure names its own.
Axes: B batch, H and W pixels, S the new side, 3 colours.
"""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

Resize = Literal["pytorch", "clean", "tensorflow"]


def resize(images_BxHxWx3: jax.Array, side: int, how: Resize) -> jax.Array:
    """Images (0..255) -> float32 [B, S, S, 3], not rounded.

    Args:
      how: "pytorch": bilinear between the four nearest pixels, centres aligned, no low-pass filter, as pytorch-fid and
        `torch.nn.functional.interpolate` do. "clean": bicubic with a low-pass filter, clipped to 0..255, as clean-fid
        does through PIL in floating point. "tensorflow": bilinear with top-left corners aligned, as TensorFlow 1,
        torch-fidelity and StyleGAN do.
    """
    x = images_BxHxWx3.astype(jnp.float32)
    shape = (len(x), side, side, x.shape[3])
    if how == "pytorch":
        return jax.image.resize(x, shape, "linear", antialias=False)
    if how == "clean":
        return jnp.clip(jax.image.resize(x, shape, "cubic", antialias=True), 0, 255)
    down, right = (_corner_weights(x.shape[axis], side) for axis in (1, 2))
    x = jnp.einsum("sh,bhwc->bswc", down, x, precision="highest")
    return jnp.einsum("tw,bswc->bstc", right, x, precision="highest")


def _corner_weights(size: int, side: int) -> np.ndarray:
    """[side, size], TensorFlow 1's weights: output i is at pixel i * size / side, without the half-pixel offset."""
    place = np.arange(side) * np.float32(size / side)
    low = np.floor(place).astype(int)
    weights = np.zeros((side, size), np.float32)
    np.add.at(weights, (np.arange(side), low), 1 - (place - low))
    np.add.at(weights, (np.arange(side), np.minimum(low + 1, size - 1)), place - low)
    return weights
