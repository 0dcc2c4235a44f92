"""A layer of the decoder: norm and attention, then norm and MLP, each pair with a residual connection.

Axis legend: B batch, L length of a row, M width of the model, D width of a head.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from t2f_jax.config.schema import DecoderConfig
from t2f_jax.models.attention import Attention, Mask
from t2f_jax.models.dense import dense


class Norm(nn.Module):
    """LayerNorm, RMSNorm, or the original's LayerNorm: gamma (x - mean) / (unbiased std + 1e-6) + beta."""

    kind: str
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[..., M] -> the same shape, in `dtype`; the statistics are float32."""
        width = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (width,))
        x = x.astype(jnp.float32)
        if self.kind == "rmsnorm":
            x = x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-6) * scale
            return x.astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (width,))
        x = x - jnp.mean(x, -1, keepdims=True)
        square = jnp.sum(x * x, -1, keepdims=True)
        if self.kind == "talk2face":
            # A constant row has a standard deviation of 0, where the square root's gradient is infinite.
            std = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0) / (width - 1)), 0.0)
            x = x / (std + 1e-6)
        else:
            x = x * jax.lax.rsqrt(square / width + 1e-6)
        return (x * scale + bias).astype(self.dtype)


class MLP(nn.Module):
    """Two dense layers with a tanh-approximated GELU between them (the original's gelu_fast)."""

    width: int
    bias: bool
    init_std: float
    dtype: jnp.dtype
    weight_groups: int = 0  # layout of the kernels, see `dense`
    products: str = "float32"  # as in the config

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B,L,M] -> [B,L,M]."""
        layout = self.bias, self.init_std, self.dtype, self.weight_groups, self.products
        up, down = dense(self.width, *layout, "up"), dense(x.shape[-1], *layout, "down")
        flat = x.reshape(-1, x.shape[-1])  # two axes, as in `Attention`
        return down(nn.gelu(checkpoint_name(up(flat), "up"), approximate=True)).reshape(x.shape)


class Block(nn.Module):
    """x += attention(norm(x)); x += mlp(norm(x))."""

    config: DecoderConfig
    dtype: jnp.dtype = jnp.float32
    deterministic: bool = True
    weight_groups: int = 0
    kind: str = "xla"  # of attention, see `attention.KINDS`

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        mask: Mask,
        rotation: tuple[jax.Array, jax.Array] | None,
        cache: tuple[jax.Array, ...] | None = None,
        index: jax.Array | int = 0,
    ) -> tuple[jax.Array, tuple[jax.Array, ...] | None]:
        """[B,L,M] -> [B,L,M] and the layer's cache (None if none was given); arguments as in `Attention`."""
        c = self.config
        drop = nn.Dropout(c.dropout, deterministic=self.deterministic)
        groups, kind = self.weight_groups, self.kind
        layout = self.dtype, groups
        attend = Attention(c.heads, c.bias, c.dropout, c.init_std, *layout, kind, c.products, name="attention")
        y, kept = attend(Norm(c.norm, self.dtype, name="norm_1")(x), mask, rotation, cache, index, self.deterministic)
        x = x + drop(y)
        mlp = MLP(c.mlp, c.bias, c.init_std, *layout, c.products, name="mlp")
        y = mlp(Norm(c.norm, self.dtype, name="norm_2")(x))
        return x + drop(y), None if cache is None else kept
