"""Perceptual distance: LPIPS (Zhang et al., 2018, arXiv:1801.03924) on VGG16 features, with weights the user brings.

The weights file is `.npz` or `.safetensors` with torchvision's names (`features.0.weight` [out, in, 3, 3],
`features.0.bias`, ... `features.28.bias`) or the lpips package's (`net.slice1.0.weight`, ...). If it also holds LPIPS's
linear layers (`lin0.model.1.weight` [1, C, 1, 1] to `lin4.model.1.weight`), the distance is LPIPS; without them every
channel counts 1.

Axes: B batch, R pixels of a side, S side of a feature map, C channels.
"""

import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.errors import UserError

# Positions of the convolutions in torchvision's VGG16, by stage; a stage's output is taken after its last ReLU.
STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
# LPIPS's ScalingLayer: ImageNet's mean and deviation for images in [-1, 1].
SHIFT = np.array([-0.030, -0.088, -0.188], np.float32)
SCALE = np.array([0.458, 0.448, 0.450], np.float32)


def load(path: str) -> dict[str, Any]:
    """Reads a weights file.

    Returns:
      {"conv": {position: (kernel [3, 3, in, out], bias [out])}, "lin": [five arrays [C]]}.

    Raises:
      UserError: no such file, another type of file, a missing tensor (named) or one of a wrong shape.
    """
    file = pathlib.Path(path)
    if not file.is_file():
        raise UserError(f"image.loss.perceptual_weights={path}: no such file")
    if file.suffix == ".npz":
        with np.load(file) as archive:
            tensors = dict(archive)
    elif file.suffix == ".safetensors":
        import safetensors.numpy

        tensors = safetensors.numpy.load_file(file)
    else:
        raise UserError(f"image.loss.perceptual_weights={path}: must be a .npz or .safetensors file")

    def take(position: int, stage: int, kind: str) -> np.ndarray:
        names = [f"features.{position}.{kind}", f"net.slice{stage + 1}.{position}.{kind}"]
        for name in names:
            if name in tensors:
                return np.asarray(tensors[name], np.float32)
        raise UserError(
            f"{path}: tensor '{names[0]}' (or '{names[1]}') is missing; give VGG16 weights under these names"
        )

    convolutions, channels = {}, 3
    for stage, positions in enumerate(STAGES):
        for position in positions:
            weight, bias = take(position, stage, "weight"), take(position, stage, "bias")
            if weight.ndim != 4 or weight.shape[1:] != (channels, 3, 3) or bias.shape != weight.shape[:1]:
                raise UserError(
                    f"{path}: convolution {position} has shapes {weight.shape} and {bias.shape}; "
                    f"expected (out, {channels}, 3, 3) and (out,)"
                )
            convolutions[position] = (jnp.asarray(weight.transpose(2, 3, 1, 0)), jnp.asarray(bias))
            channels = weight.shape[0]

    widths = [convolutions[positions[-1]][1].shape[0] for positions in STAGES]
    if not any(name.startswith("lin") for name in tensors):
        return {"conv": convolutions, "lin": [jnp.ones(width) for width in widths]}
    linear = []
    for stage, width in enumerate(widths):
        name = f"lin{stage}.model.1.weight"
        if name not in tensors:
            raise UserError(f"{path}: tensor '{name}' is missing; give all five of LPIPS's linear layers or none")
        if tensors[name].size != width:
            raise UserError(f"{path}: tensor '{name}' has shape {tensors[name].shape}; expected (1, {width}, 1, 1)")
        linear.append(jnp.asarray(tensors[name], jnp.float32).reshape(width))
    return {"conv": convolutions, "lin": linear}


def features(weights: dict[str, Any], x_BxRxRx3: jax.Array) -> list[jax.Array]:
    """Images in [-1, 1] -> VGG16's five feature maps [B, S, S, C], each position scaled to unit length."""
    x = (x_BxRxRx3 - SHIFT) / SCALE
    maps = []
    for stage, positions in enumerate(STAGES):
        if stage:
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        for position in positions:
            kernel, bias = weights["conv"][position]
            x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = jax.nn.relu(x + bias)
        # The 1e-20 keeps the gradient finite where a ReLU map is zero everywhere; LPIPS's own 1e-10 follows.
        length = jnp.sqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-20)
        maps.append(x / (length + 1e-10))
    return maps


def distance(weights: dict[str, Any], a_BxRxRx3: jax.Array, b_BxRxRx3: jax.Array) -> jax.Array:
    """Perceptual distance of two batches of images in [-1, 1], fp32 [B]: weighted squared differences of features."""
    pairs = zip(features(weights, a_BxRxRx3), features(weights, b_BxRxRx3), weights["lin"])
    return jnp.stack([(jnp.square(a - b) * lin).sum(-1).mean((1, 2)) for a, b, lin in pairs]).sum(0)
