"""The image tokenizer as a thing to use: uint8 images to codes and back, jitted.

Axes: B batch, R pixels of a side, N codes of an image (row-major), 3 colours.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from t2f_jax.config import VQGANConfig
from t2f_jax.models.vqgan import VQGAN


def to_unit(images: jax.Array) -> jax.Array:
    """uint8 0..255 -> fp32 [-1, 1]: x / 127.5 - 1, as taming-transformers trains."""
    return jnp.asarray(images).astype(jnp.float32) / 127.5 - 1


def to_uint8(x: jax.Array) -> jax.Array:
    """fp32 [-1, 1] (clipped) -> uint8 0..255, rounded."""
    return jnp.round((jnp.clip(x, -1, 1) + 1) * 127.5).astype(jnp.uint8)


@functools.partial(jax.jit, static_argnums=0)
def encode(config: VQGANConfig, params: Any, images_BxRxRx3: jax.Array) -> jax.Array:
    """uint8 images [B, R, R, 3] -> codes, int32 [B, N]."""
    return VQGAN(config).apply({"params": params}, to_unit(images_BxRxRx3), method="encode_codes")  # type: ignore


@functools.partial(jax.jit, static_argnums=0)
def decode(config: VQGANConfig, params: Any, codes_BxN: jax.Array) -> jax.Array:
    """Codes, int [B, N] -> uint8 images [B, R, R, 3]."""
    return to_uint8(VQGAN(config).apply({"params": params}, codes_BxN, method="decode_codes"))  # type: ignore


def reconstruct(config: VQGANConfig, params: Any, images_BxRxRx3: jax.Array) -> jax.Array:
    """uint8 images [B, R, R, 3] -> the same after a trip through the codes."""
    return decode(config, params, encode(config, params, images_BxRxRx3))


class ImageTokenizer:
    """A VQGAN with its weights. Each new batch size compiles once: callers pad to few sizes."""

    def __init__(self, config: VQGANConfig, params: Any):
        self.config = config
        self.params = params

    def encode(self, images_BxRxRx3: Any) -> jax.Array:
        """uint8 images [B, R, R, 3] -> codes, int32 [B, N]."""
        return encode(self.config, self.params, images_BxRxRx3)

    def decode(self, codes_BxN: Any) -> jax.Array:
        """Codes, int [B, N] -> uint8 images [B, R, R, 3]."""
        return decode(self.config, self.params, codes_BxN)

    def reconstruct(self, images_BxRxRx3: Any) -> jax.Array:
        """uint8 images -> their reconstructions, uint8, same shape."""
        return reconstruct(self.config, self.params, images_BxRxRx3)
