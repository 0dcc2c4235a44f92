"""Doubling a map and convolving it, in 4/9 of the multiplications.

Axes: B batch, S side of a feature map, C channels, D channels of the result.
"""

from typing import Any

import jax
import jax.numpy as jnp

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def double(x_BxSxSxC: jax.Array) -> jax.Array:
    """Nearest neighbour: each position four times, [B, 2S, 2S, C]."""
    batch, height, width, channels = x_BxSxSxC.shape
    x = jnp.broadcast_to(x_BxSxSxC[:, :, None, :, None], (batch, height, 2, width, 2, channels))
    return x.reshape(batch, 2 * height, 2 * width, channels)


def double_and_convolve(x_BxSxSxC: jax.Array, kernel_3x3xCxD: jax.Array, *_: Any, **__: Any) -> jax.Array:
    """`double`, then a 3x3 convolution with zeros around: [B, 2S, 2S, D]. A `conv_general_dilated` for `nn.Conv`.

    The form is chosen by the platform that it is compiled for. CPUs: `by_phase`, twice as fast there (but its gradients
    are many times slower, so that training must not come here). TPUs and GPUs: as it is written, in shapes that their
    convolutions are made for.
    """
    return jax.lax.platform_dependent(x_BxSxSxC, kernel_3x3xCxD, cpu=by_phase, default=as_written)


def as_written(x_BxSxSxC: jax.Array, kernel_3x3xCxD: jax.Array) -> jax.Array:
    """`double_and_convolve` in two steps."""
    return jax.lax.conv_general_dilated(
        double(x_BxSxSxC), kernel_3x3xCxD, (1, 1), "SAME", dimension_numbers=_DIMENSIONS
    )


def by_phase(x_BxSxSxC: jax.Array, kernel_3x3xCxD: jax.Array) -> jax.Array:
    """`double_and_convolve` without the doubled map; equal up to rounding.

    The three rows that a kernel meets in a doubled map are only two different ones: kernel rows that meet twins are
    added first, (k0, k1 + k2) for a twin that lies above, (k0 + k1, k2) for one below; columns alike. The four kernels
    of 2x2 run as one convolution, and their results interleave.
    """
    batch, height, width, _ = x_BxSxSxC.shape

    def twins(kernel: jax.Array, axis: int) -> jax.Array:
        k0, k1, k2 = jnp.split(kernel, 3, axis)
        return jnp.stack([jnp.concatenate([k0, k1 + k2], axis), jnp.concatenate([k0 + k1, k2], axis)], -2)

    kernel = twins(twins(kernel_3x3xCxD, 0), 1)  # [2, 2, C, above | below, left | right, D]
    y = jax.lax.conv_general_dilated(
        x_BxSxSxC, kernel.reshape(*kernel.shape[:3], -1), (1, 1), ((1, 1), (1, 1)), dimension_numbers=_DIMENSIONS
    ).reshape(batch, height + 1, width + 1, 2, 2, -1)
    rows = [jnp.stack([y[:, i : i + height, j : j + width, i, j] for j in (0, 1)], 3) for i in (0, 1)]
    return jnp.stack(rows, 2).reshape(batch, 2 * height, 2 * width, -1)
