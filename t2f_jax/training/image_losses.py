"""Losses of the image tokenizer, as plain functions of arrays.

Axes: B batch, R pixels of a side; logits of any shape.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax


def pixel_loss(recon_BxRxRx3: jax.Array, image_BxRxRx3: jax.Array, kind: str) -> jax.Array:
    """Mean absolute ("l1") or squared ("l2") difference of each image, fp32 [B], in units of [-1, 1]."""
    difference = recon_BxRxRx3 - image_BxRxRx3
    return (jnp.abs(difference) if kind == "l1" else jnp.square(difference)).mean((1, 2, 3))


def pixel_psnr(recon_BxRxRx3: jax.Array, image_BxRxRx3: jax.Array) -> jax.Array:
    """Peak signal-to-noise ratio of each image in dB, fp32 [B], for images in [-1, 1] (the peak is 2)."""
    error = jnp.square(jnp.clip(recon_BxRxRx3, -1, 1) - image_BxRxRx3).mean((1, 2, 3))
    return 10 * jnp.log10(4 / jnp.maximum(error, 1e-10))


def hinge_discriminator(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Hinge loss of a discriminator's logits (Lim & Ye, 2017, arXiv:1705.02894): real > 1, fake < -1. Scalar."""
    return 0.5 * (jax.nn.relu(1 - real).mean() + jax.nn.relu(1 + fake).mean())


def hinge_generator(fake: jax.Array) -> jax.Array:
    """Loss of the generator: the negative mean of the logits of its images. Scalar."""
    return -fake.mean()


def adaptive_weight(of_images: Any, of_discriminator: Any) -> jax.Array:
    """Weight that makes the adversarial gradient as large as the reconstruction loss's (VQGAN, equation 7). Scalar.

    Args:
      of_images, of_discriminator: the gradients of the two losses with respect to the decoder's last kernel.

    Returns:
      the ratio of their norms, clamped to 0..1e4.
    """
    ratio = optax.tree.norm(of_images) / (optax.tree.norm(of_discriminator) + 1e-4)
    return jax.lax.stop_gradient(jnp.clip(ratio, 0, 1e4))
