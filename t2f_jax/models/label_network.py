"""Small networks that predict a face's labels from its pixels or its codes, and the losses based on them.

They can be trained together with the image tokenizer. The features of the pixel network, used as Zhang et al. (2018,
arXiv:1801.03924) use those of an object classifier, are what a reconstruction must keep to show the same person at the
same age. The loss of the code network makes the coarsest codes predictive of the labels.

Axes: B batch, R pixels of a side, S side of a feature map or of a grid of codes, C channels, E code width, A choice
attributes, K number attributes, V slots for the values of a choice, O = A * V + K outputs (see `tokens.targets`).
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from t2f_jax.models.vqgan_blocks import conv


class LabelNetwork(nn.Module):
    """A 4x4 convolution of stride 4, then three levels of one residual block at halved sides; a mean over positions."""

    outputs: int
    ch: int = 64

    @nn.compact
    def __call__(self, x_BxRxRx3: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
        """Images in [-1, 1], R >= 16 -> (outputs [B, O], the features of the levels [B, S, S, C])."""
        x = conv(self.ch, "conv_in", jnp.float32, size=4, stride=4)(x_BxRxRx3)
        features = []
        for i in range(3):
            channels = self.ch * 2**i
            if i:
                x = conv(channels, f"down_{i}", jnp.float32, size=2, stride=2)(_active(x, f"down_norm_{i}"))
            y = conv(channels, f"conv1_{i}", jnp.float32)(_active(x, f"norm1_{i}"))
            x = x + conv(channels, f"conv2_{i}", jnp.float32)(_active(y, f"norm2_{i}"))
            features.append(x)
        return nn.Dense(self.outputs, name="out")(_active(x, "norm_out").mean((1, 2))), features


class CodeReader(nn.Module):
    """Two dense layers on all vectors of a grid of codes, each after dropout."""

    outputs: int
    width: int = 256
    dropout: float = 0.2

    @nn.compact
    def __call__(self, vectors_BxSxSxE: jax.Array, train: bool = False) -> jax.Array:
        """The codes' vectors -> outputs [B, O]; `train` draws dropout from the key "dropout"."""
        x = nn.LayerNorm(name="norm")(vectors_BxSxSxE.reshape(len(vectors_BxSxSxE), -1))
        x = nn.swish(nn.Dense(self.width, name="hidden")(nn.Dropout(self.dropout, deterministic=not train)(x)))
        return nn.Dense(self.outputs, name="out")(nn.Dropout(self.dropout, deterministic=not train)(x))


def _active(x: jax.Array, name: str) -> jax.Array:
    return nn.swish(nn.LayerNorm(name=name)(x))  # per position: a norm of the whole map would hide its colour


def split_outputs(outputs_BxO: jax.Array, mask_AxV: np.ndarray) -> tuple[jax.Array, jax.Array]:
    """Outputs -> log probabilities [B, A, V], positions in the numbers' ranges [B, K]."""
    logits_BxAxV = outputs_BxO[:, : mask_AxV.size].reshape(-1, *mask_AxV.shape)
    return jax.nn.log_softmax(jnp.where(mask_AxV, logits_BxAxV, -1e9)), 0.5 + outputs_BxO[:, mask_AxV.size :]


def label_loss(
    outputs_BxO: jax.Array, choices_BxA: jax.Array, numbers_BxK: jax.Array, mask_AxV: np.ndarray
) -> jax.Array:
    """Cross-entropy of the choices and a Huber loss of the numbers, over the known labels. Scalar, the mean over faces.

    A face's sum is divided by the square root of the number of its known labels, so that faces with forty labels do not
    dominate those with three.

    Args:
      choices_BxA, numbers_BxK: as `tokens.targets.targets` makes them.
      mask_AxV: `tokens.targets.value_mask`.
    """
    logp_BxAxV, numbers = split_outputs(outputs_BxO, mask_AxV)
    picked_BxA = jnp.take_along_axis(logp_BxAxV, jnp.maximum(choices_BxA, 0)[..., None], 2)[..., 0]
    known_BxK = ~jnp.isnan(numbers_BxK)
    error_BxK = numbers - jnp.where(known_BxK, numbers_BxK, 0.0)
    far_BxK = optax.huber_loss(10 * error_BxK, delta=0.3)  # the absolute error, smooth near 0
    sums_B = jnp.sum(4 * far_BxK * known_BxK, 1) - jnp.sum(picked_BxA * (choices_BxA >= 0), 1)
    counts_B = known_BxK.sum(1) + (choices_BxA >= 0).sum(1)
    return (sums_B / jnp.sqrt(jnp.maximum(counts_B, 1))).mean()


def label_distance(network: LabelNetwork, params: Any, recon: jax.Array, image: jax.Array) -> jax.Array:
    """Distance of two images [B, R, R, 3] in [-1, 1] by the network's features: fp32 [B], the mean over its levels.

    Squared differences of features, scaled to mean square 1 over the channels of each position, as in LPIPS.
    """
    levels = [network.apply({"params": params}, x)[1] for x in (recon, jax.lax.stop_gradient(image))]

    def scaled(x: jax.Array) -> jax.Array:
        return x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-6)

    distances = [jnp.square(scaled(a) - scaled(b)).mean((1, 2, 3)) for a, b in zip(*levels)]
    return jnp.stack(distances).mean(0)
