"""VQGAN, the image tokenizer: encodes an image as a grid of codes and decodes codes to an image.

Structure and names are those of taming-transformers' VQModel (Esser et al., 2021, arXiv:2012.09841): its
`encoder.down.0.block.1.conv1.weight` is `encoder/down_0/block_1/conv1/kernel` here, a norm's `weight` is its `scale`,
and `quantize.embedding.weight` is `quantize/embedding`. One addition: `config.patch` folds patches of pixels into
channels before the first convolution and unfolds them after the last, which makes small images cheap.

Axes: B batch, R pixels of a side, S side of a feature map, G side of the code grid, C channels, E code width,
N codes of an image (G*G, row-major, or `scales`), K codes of the codebook.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from t2f_jax.config.schema import VQGANConfig
from t2f_jax.models import scales
from t2f_jax.models.quantizer import Quantizer, straight_through
from t2f_jax.models.vqgan_blocks import GroupNorm, Level, Middle, conv


class Encoder(nn.Module):
    """[B, S, S, C] -> [B, G, G, z_channels]."""

    config: VQGANConfig
    dtype: DTypeLike

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
    """[B, G, G, patch * patch * C] -> [B, G, G, z_channels], each position a function of only its own patch.

    x + dense2(gelu(dense1(norm(x)))), `num_res_blocks` times, twice `ch` wide. With the convolutions, group norms and
    attention of `Encoder` every code depends on the whole image: the error is smaller for the same number of codes, but
    a flat background gets a hundred different codes, all of which a sequence model has to learn.
    """

    config: VQGANConfig
    dtype: DTypeLike

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
    dtype: DTypeLike

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
    dtype: DTypeLike = jnp.float32

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
        return self.choose(self.encode(x_BxRxRx3)).codes_BxN

    def choose(self, z_BxGxGxE: jax.Array) -> scales.Quantized:
        """Code vectors before quantization -> their codes and the codes' vectors."""
        return scales.quantize(z_BxGxGxE, self.quantize.embedding, self.config.grids)

    def decode(self, z_BxGxGxE: jax.Array, train: bool = False) -> jax.Array:
        """Code vectors -> images, fp32 [B, R, R, 3], about [-1, 1] (not clipped)."""
        h = self.decoder(self.post_quant_conv(z_BxGxGxE.astype(self.dtype)), train)
        return unfold(h, self.config.patch).astype(jnp.float32)

    def decode_codes(self, codes_BxN: jax.Array) -> jax.Array:
        """Codes, int [B, N], grid after grid, row-major -> images, fp32 [B, R, R, 3], clipped to [-1, 1]."""
        return jnp.clip(self.decode(self.code_vectors(codes_BxN)), -1, 1)

    def code_vectors(self, codes_BxN: jax.Array) -> jax.Array:
        """Codes, int [B, N] -> their vectors, fp32 [B, G, G, E]."""
        grids = self.config.scales or (math.isqrt(codes_BxN.shape[1]),)  # a single grid may have another size
        return scales.assemble(codes_BxN, self.quantize.lookup, grids)

    def __call__(self, x_BxRxRx3: jax.Array, train: bool = False) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Images in [-1, 1] -> (reconstruction [B, R, R, 3], z [B, G, G, E] before quantization, codes [B, N])."""
        z = self.encode(x_BxRxRx3, train)
        chosen = self.choose(z)
        return self.decode(straight_through(z, chosen.sums[-1]), train), z, chosen.codes_BxN
