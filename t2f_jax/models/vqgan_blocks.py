"""The parts of the VQGAN's encoder and decoder: norm, convolutions, residual and attention blocks, levels.

Convolutions are XLA's own. Timed separately on a CPU with AVX-512, they are mostly much faster than im2col, row-wise
and nine-tap matmul forms at 16x16 and 32x32 maps, gradients included; at 8x8 maps of 64 channels a matmul form can be
faster.

Axes: B batch, S side of a feature map, C channels.
"""

import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from t2f_jax.models.upsampling import double, double_and_convolve

Padding = str | tuple[tuple[int, int], tuple[int, int]]  # at the top and bottom, at the left and right
Convolve = Callable[..., jax.Array]


class GroupNorm(nn.Module):
    """Group normalization with gcd(32, channels) groups, eps 1e-6.

    One pass: means of x and x^2 by channel give one scale and one shift by channel. Twice as fast on a CPU as
    subtracting the mean first, and accurate enough, because activations are fp32 and nearly centred.
    """

    @nn.compact
    def __call__(self, x_BxSxSxC: jax.Array) -> jax.Array:
        """Normalizes each image's groups over positions and channels; statistics in fp32."""
        channels = x_BxSxSxC.shape[-1]
        groups = math.gcd(32, channels)
        scale = self.param("scale", nn.initializers.ones, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        x = x_BxSxSxC.astype(jnp.float32)

        def by_group(x_BxC: jax.Array) -> jax.Array:
            mean = x_BxC.reshape(-1, groups, channels // groups).mean(-1, keepdims=True)
            return jnp.broadcast_to(mean, (x_BxC.shape[0], groups, channels // groups)).reshape(x_BxC.shape)

        mean_BxC = by_group(x.mean((1, 2)))
        variance_BxC = jnp.maximum(by_group(jnp.square(x).mean((1, 2))) - jnp.square(mean_BxC), 0)
        factor_BxC = jax.lax.rsqrt(variance_BxC + 1e-6) * scale
        shift_BxC = bias - mean_BxC * factor_BxC
        return (x * factor_BxC[:, None, None] + shift_BxC[:, None, None]).astype(x_BxSxSxC.dtype)


def conv(
    features: int,
    name: str,
    dtype: DTypeLike,
    size: int = 3,
    stride: int = 1,
    padding: Padding = "SAME",
    convolve: Convolve | None = None,
) -> nn.Conv:
    """A convolution with the initialization of torch's Conv2d: uniform within 1 / sqrt(fan in).

    `convolve`, if given, computes it; it has the signature of `jax.lax.conv_general_dilated`.
    """
    init = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
    return nn.Conv(
        features,
        (size, size),
        (stride, stride),
        padding,
        dtype=dtype,
        kernel_init=init,
        conv_general_dilated=convolve,
        name=name,
    )


class ResnetBlock(nn.Module):
    """x + conv2(dropout(swish(norm2(conv1(swish(norm1(x))))))); a 1x1 convolution on x if the width changes."""

    features: int
    dropout: float
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[B, S, S, any] -> [B, S, S, features]."""
        h = conv(self.features, "conv1", self.dtype)(nn.swish(GroupNorm(name="norm1")(x)))
        h = nn.swish(GroupNorm(name="norm2")(h))
        h = nn.Dropout(self.dropout, deterministic=not train)(h)
        h = conv(self.features, "conv2", self.dtype)(h)
        if x.shape[-1] != self.features:
            x = conv(self.features, "nin_shortcut", self.dtype, size=1)(x)
        return x + h


class AttnBlock(nn.Module):
    """x + single-head attention over all positions of the map."""

    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, S, S, C] -> the same shape; scores in fp32."""
        batch, height, width, channels = x.shape
        h = GroupNorm(name="norm")(x)
        q, k, v = (conv(channels, name, self.dtype, 1)(h).reshape(batch, -1, channels) for name in "qkv")
        scores = jnp.einsum("bqc,bkc->bqk", q, k).astype(jnp.float32) * channels**-0.5
        h = jnp.einsum("bqk,bkc->bqc", jax.nn.softmax(scores).astype(v.dtype), v)
        return x + conv(channels, "proj_out", self.dtype, 1)(h.reshape(batch, height, width, channels))


class Downsample(nn.Module):
    """Halves the map: padded right and bottom only, 3x3, stride 2."""

    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, S, S, C] -> [B, S/2, S/2, C]."""
        return conv(x.shape[-1], "conv", self.dtype, stride=2, padding=((0, 1), (0, 1)))(x)


class Upsample(nn.Module):
    """Doubles the map: nearest neighbour, then 3x3."""

    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[B, S, S, C] -> [B, 2S, 2S, C]; outside training by the backend's fastest form."""
        if train:
            return conv(x.shape[-1], "conv", self.dtype)(double(x))
        return conv(x.shape[-1], "conv", self.dtype, convolve=double_and_convolve)(x)


class Level(nn.Module):
    """Blocks of one resolution, each followed by attention if `attend`, then a change of resolution or none."""

    features: int
    blocks: int
    attend: bool
    resample: str  # downsample | upsample | (nothing)
    dropout: float
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[B, S, S, any] -> [B, S', S', features] with S' = S/2, S or 2S."""
        for i in range(self.blocks):
            x = ResnetBlock(self.features, self.dropout, self.dtype, name=f"block_{i}")(x, train)
            if self.attend:
                x = AttnBlock(self.dtype, name=f"attn_{i}")(x)
        if self.resample == "downsample":
            x = Downsample(self.dtype, name="downsample")(x)
        elif self.resample == "upsample":
            x = Upsample(self.dtype, name="upsample")(x, train)
        return x


class Middle(nn.Module):
    """Block, attention, block."""

    dropout: float
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[B, S, S, C] -> the same shape."""
        x = ResnetBlock(x.shape[-1], self.dropout, self.dtype, name="block_1")(x, train)
        x = AttnBlock(self.dtype, name="attn_1")(x)
        return ResnetBlock(x.shape[-1], self.dropout, self.dtype, name="block_2")(x, train)
