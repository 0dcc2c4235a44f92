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
    """`double`, then a zero-padded 3x3 convolution: [B, 2S, 2S, D]. A `conv_general_dilated` for `nn.Conv`.

    The form depends on the platform that it is compiled for. CPUs: `by_phase`, twice as fast there (but its gradients
    are many times slower, so training must not use it). TPUs and GPUs: `as_written`, whose shapes suit their
    convolutions.
    """
    return jax.lax.platform_dependent(x_BxSxSxC, kernel_3x3xCxD, cpu=by_phase, default=as_written)


def as_written(x_BxSxSxC: jax.Array, kernel_3x3xCxD: jax.Array) -> jax.Array:
    """`double_and_convolve` in two steps."""
    return jax.lax.conv_general_dilated(
        double(x_BxSxSxC), kernel_3x3xCxD, (1, 1), "SAME", dimension_numbers=_DIMENSIONS
    )


def by_phase(x_BxSxSxC: jax.Array, kernel_3x3xCxD: jax.Array) -> jax.Array:
    """`double_and_convolve` without the doubled map; equal up to rounding.

    Of the three rows that a kernel covers in a doubled map, two are equal: the kernel rows over equal ones are added
    first, (k0, k1 + k2) or (k0 + k1, k2) by position; columns likewise. The four 2x2 kernels run as one convolution,
    and their results are interleaved.
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
