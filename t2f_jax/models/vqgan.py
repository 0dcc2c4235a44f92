"""VQGAN, the image tokenizer: an image becomes a grid of codes and codes become an image.

The structure is that of taming-transformers' VQModel (Esser et al., 2021, arXiv:2012.09841), name for name: its
`encoder.down.0.block.1.conv1.weight` is `encoder/down_0/block_1/conv1/kernel` here, a norm's `weight` is its `scale`,
and `quantize.embedding.weight` is `quantize/embedding`. One thing is added: `config.patch` folds patches of pixels into
channels before the first convolution and unfolds them after the last, which makes small images cheap.

Convolutions are XLA's own. Timed one by one on a CPU with AVX-512, they are mostly well ahead of im2col, row-wise and
nine-tap matmul forms at 16x16 and 32x32 maps, gradients included; at 8x8 maps of 64 channels a matmul form can lead.

Axes: B batch, R pixels of a side, S side of a feature map, G side of the code grid, C channels, E code width,
N codes of an image (G*G, row-major), K codes of the codebook.
"""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from t2f_jax.config.schema import VQGANConfig
from t2f_jax.models.quantizer import Quantizer
from t2f_jax.models.upsampling import double, double_and_convolve


class GroupNorm(nn.Module):
    """Group normalization with 32 groups (the largest divisor they share with the channels, if fewer fit), eps 1e-6.

    One pass: means of x and x^2 by channel give one scale and one shift by channel. Twice as fast on a CPU as
    subtracting the mean first, and exact enough, because activations are fp32 and not far from centred.
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
    features: int, name: str, dtype: Any, size: int = 3, stride: int = 1, padding: Any = "SAME", how: Any = None
) -> nn.Conv:
    """A convolution with the initialization of torch's Conv2d: uniform within 1 / sqrt(fan in).

    `how`, if given, computes it: called as `jax.lax.conv_general_dilated` is.
    """
    init = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
    return nn.Conv(
        features,
        (size, size),
        (stride, stride),
        padding,
        dtype=dtype,
        kernel_init=init,
        conv_general_dilated=how,
        name=name,
    )


class ResnetBlock(nn.Module):
    """x + conv2(dropout(swish(norm2(conv1(swish(norm1(x))))))); a 1x1 convolution on x where the width changes."""

    features: int
    dropout: float
    dtype: Any

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

    dtype: Any

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

    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, S, S, C] -> [B, S/2, S/2, C]."""
        return conv(x.shape[-1], "conv", self.dtype, stride=2, padding=((0, 1), (0, 1)))(x)


class Upsample(nn.Module):
    """Doubles the map: nearest neighbour, then 3x3."""

    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[B, S, S, C] -> [B, 2S, 2S, C]; where no gradient is wanted, by the backend's fastest form."""
        if train:
            return conv(x.shape[-1], "conv", self.dtype)(double(x))
        return conv(x.shape[-1], "conv", self.dtype, how=double_and_convolve)(x)


class Level(nn.Module):
    """Blocks of one resolution, each followed by attention if `attend`, then a change of resolution or none."""

    features: int
    blocks: int
    attend: bool
    resample: str  # downsample | upsample | (nothing)
    dropout: float
    dtype: Any

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
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """[B, S, S, C] -> the same shape."""
        x = ResnetBlock(x.shape[-1], self.dropout, self.dtype, name="block_1")(x, train)
        x = AttnBlock(self.dtype, name="attn_1")(x)
        return ResnetBlock(x.shape[-1], self.dropout, self.dtype, name="block_2")(x, train)


class Encoder(nn.Module):
    """[B, S, S, C] -> [B, G, G, z_channels]."""

    config: VQGANConfig
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Folded images -> maps that `quant_conv` takes to code vectors."""
        c = self.config
        x = conv(c.ch, "conv_in", self.dtype)(x)
        for i, multiple in enumerate(c.ch_mult):
            attend = x.shape[1] in c.attn_resolutions
            resample = "downsample" if i < len(c.ch_mult) - 1 else ""
            level = Level(c.ch * multiple, c.num_res_blocks, attend, resample, c.dropout, self.dtype, name=f"down_{i}")
            x = level(x, train)
        x = Middle(c.dropout, self.dtype, name="mid")(x, train)
        return conv(c.z_channels, "conv_out", self.dtype)(nn.swish(GroupNorm(name="norm_out")(x)))


class PatchEncoder(nn.Module):
    """[B, G, G, patch * patch * C] -> [B, G, G, z_channels], each position a function of its own patch alone.

    x + dense2(gelu(dense1(norm(x)))), `num_res_blocks` times, twice `ch` wide. The convolutions, group norms and
    attention of `Encoder` let every code tell of the whole image: a smaller error for the same number of codes, but a
    flat background gets a hundred different codes, and a sequence model has all of them to learn.
    """

    config: VQGANConfig
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Folded images -> maps that `quant_conv` takes to code vectors."""
        c = self.config
        x = nn.Dense(2 * c.ch, dtype=self.dtype, name="conv_in")(x)
        for i in range(c.num_res_blocks):
            h = nn.LayerNorm(dtype=self.dtype, name=f"norm_{i}")(x)
            h = nn.gelu(nn.Dense(2 * c.ch, dtype=self.dtype, name=f"dense1_{i}")(h))
            h = nn.Dropout(c.dropout, deterministic=not train)(h)
            x = x + nn.Dense(2 * c.ch, dtype=self.dtype, name=f"dense2_{i}")(h)
        x = nn.LayerNorm(dtype=self.dtype, name="norm_out")(x)
        return nn.Dense(c.z_channels, dtype=self.dtype, name="conv_out")(x)


class Decoder(nn.Module):
    """[B, G, G, z_channels] -> [B, S, S, C]; one block more per level than the encoder."""

    config: VQGANConfig
    dtype: Any

    @nn.compact
    def __call__(self, z: jax.Array, train: bool) -> jax.Array:
        """The output of `post_quant_conv` -> folded images."""
        c = self.config
        x = conv(c.ch * c.ch_mult[-1], "conv_in", self.dtype)(z)
        x = Middle(c.dropout, self.dtype, name="mid")(x, train)
        for i, multiple in reversed(list(enumerate(c.ch_mult))):
            attend = x.shape[1] in c.attn_resolutions
            level = Level(
                c.ch * multiple,
                c.num_res_blocks + 1,
                attend,
                "upsample" if i else "",
                c.dropout,
                self.dtype,
                name=f"up_{i}",
            )
            x = level(x, train)
        x = nn.swish(GroupNorm(name="norm_out")(x))
        return conv(c.in_channels * c.patch**2, "conv_out", self.dtype)(x)


def fold(x: jax.Array, patch: int) -> jax.Array:
    """Space to depth: [B, R, R, C] -> [B, R/patch, R/patch, patch*patch*C]."""
    batch, side, _, channels = x.shape
    x = x.reshape(batch, side // patch, patch, side // patch, patch, channels).swapaxes(2, 3)
    return x.reshape(batch, side // patch, side // patch, patch * patch * channels)


def unfold(x: jax.Array, patch: int) -> jax.Array:
    """Depth to space, the inverse of `fold`."""
    batch, side, _, channels = x.shape
    x = x.reshape(batch, side, side, patch, patch, channels // patch**2).swapaxes(2, 3)
    return x.reshape(batch, side * patch, side * patch, channels // patch**2)


class VQGAN(nn.Module):
    """Encoder, codebook, decoder. Parameters are fp32; activations are `dtype`; codes are always chosen in fp32."""

    config: VQGANConfig
    dtype: Any = jnp.float32

    def setup(self):
        """The parts, under the original's names."""
        c = self.config
        self.encoder = (PatchEncoder if c.encoder == "patch" else Encoder)(c, self.dtype)
        self.decoder = Decoder(c, self.dtype)
        self.quantize = Quantizer(c.n_embed, c.embed_dim)
        self.quant_conv = conv(c.embed_dim, None, self.dtype, size=1)  # type: ignore[arg-type]  # setup names it
        self.post_quant_conv = conv(c.z_channels, None, self.dtype, size=1)  # type: ignore[arg-type]

    def encode(self, x_BxRxRx3: jax.Array, train: bool = False) -> jax.Array:
        """Images in [-1, 1] -> code vectors before quantization, fp32 [B, G, G, E]."""
        h = self.encoder(fold(x_BxRxRx3.astype(self.dtype), self.config.patch), train)
        return self.quant_conv(h).astype(jnp.float32)

    def encode_codes(self, x_BxRxRx3: jax.Array) -> jax.Array:
        """Images in [-1, 1] -> codes, int32 [B, N]."""
        z = self.encode(x_BxRxRx3)
        return self.quantize(z)[1].reshape(z.shape[0], -1)

    def decode(self, z_BxGxGxE: jax.Array, train: bool = False) -> jax.Array:
        """Code vectors -> images, fp32 [B, R, R, 3], about [-1, 1] (not clipped)."""
        h = self.decoder(self.post_quant_conv(z_BxGxGxE.astype(self.dtype)), train)
        return unfold(h, self.config.patch).astype(jnp.float32)

    def decode_codes(self, codes_BxN: jax.Array) -> jax.Array:
        """Codes, int [B, N] row-major -> images, fp32 [B, R, R, 3], clipped to [-1, 1]."""
        side = math.isqrt(codes_BxN.shape[1])
        return jnp.clip(self.decode(self.quantize.lookup(codes_BxN.reshape(-1, side, side))), -1, 1)

    def __call__(self, x_BxRxRx3: jax.Array, train: bool = False) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Images in [-1, 1] -> (reconstruction [B, R, R, 3], z [B, G, G, E] before quantization, codes [B, N])."""
        z = self.encode(x_BxRxRx3, train)
        vectors, codes = self.quantize(z)
        return self.decode(vectors, train), z, codes.reshape(z.shape[0], -1)
