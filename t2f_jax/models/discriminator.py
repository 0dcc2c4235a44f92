"""Patch discriminator (Isola et al., 2017, arXiv:1611.07004): predicts for each patch of an image whether it is real.

The structure is that of taming-transformers' NLayerDiscriminator, but its BatchNorm is GroupNorm here: batch statistics
would be one more state to keep, would couple the rows of a batch, and would differ with the number of devices.

Axes: B batch, R pixels of a side, P patches of a side.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from t2f_jax.models.vqgan_blocks import GroupNorm


class PatchDiscriminator(nn.Module):
    """4x4 convolutions: `layers` of stride 2, two of stride 1."""

    ch: int = 64
    layers: int = 2
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x_BxRxRx3: jax.Array) -> jax.Array:
        """Images in [-1, 1] -> logits, fp32 [B, P, P, 1]; positive means real."""

        def conv(features: int, stride: int, name: str, bias: bool) -> nn.Conv:
            init = nn.initializers.normal(0.02)
            padding = ((1, 1), (1, 1))
            return nn.Conv(
                features,
                (4, 4),
                (stride, stride),
                padding,
                use_bias=bias,
                kernel_init=init,
                dtype=self.dtype,
                name=name,
            )

        x = nn.leaky_relu(conv(self.ch, 2, "conv_0", True)(x_BxRxRx3.astype(self.dtype)), 0.2)
        for i in range(1, self.layers + 1):
            x = conv(self.ch * min(2**i, 8), 2 if i < self.layers else 1, f"conv_{i}", False)(x)
            x = nn.leaky_relu(GroupNorm(name=f"norm_{i}")(x), 0.2)
        return conv(1, 1, f"conv_{self.layers + 1}", True)(x).astype(jnp.float32)
