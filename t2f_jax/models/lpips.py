"""Perceptual distance: LPIPS (Zhang et al., 2018, arXiv:1801.03924) on VGG16 or AlexNet, with weights the user brings.

The weights are tensors with torchvision's names (`features.0.weight` [out, in, 3, 3], `features.0.bias`, ...
`features.28.bias`) or the lpips package's (`net.slice1.0.weight`, ...). If LPIPS's linear layers are among them
(`lin0.model.1.weight` [1, C, 1, 1] to `lin4.model.1.weight`), the distance is LPIPS; without them every channel counts
1. A checkpoint may hold them inside another model, such as a VQGAN's `loss.perceptual_loss.`.

Axes: B batch, R pixels of a side, S side of a feature map, C channels.
"""

import collections
import re
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.errors import UserError


class Trunk(NamedTuple):
    """Where LPIPS takes features from a network of torchvision: after the last ReLU of each stage.

    Attributes:
      stages: positions of the convolutions, by stage.
      first: side and stride of the first convolution; others have stride 1 and keep the side of their map.
      pool: side of the maximum pools, which have stride 2.
      pooled: the stages that begin with one.
      least_side: of images, in pixels.
    """

    name: str
    stages: tuple[tuple[int, ...], ...]
    first: tuple[int, int]
    pool: int
    pooled: tuple[int, ...]
    least_side: int


VGG = Trunk("vgg", ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)), (3, 1), 2, (1, 2, 3, 4), 16)
ALEX = Trunk("alex", ((0,), (3,), (6,), (8,), (10,)), (11, 4), 3, (1, 2), 32)
# LPIPS's ScalingLayer: ImageNet's mean and deviation for images in [-1, 1].
SHIFT = np.array([-0.030, -0.088, -0.188], np.float32)
SCALE = np.array([0.458, 0.448, 0.450], np.float32)


_NAME = re.compile(
    r"(?:.*\.)?((?:features|net\.slice[1-5])\.\d+\.(?:weight|bias)|lin[0-4]\.model\.1\.weight)", re.ASCII
)


class Weights(NamedTuple):
    """A trunk's convolutions and LPIPS's linear layers, float32."""

    convolutions: dict[int, tuple[jax.Array, jax.Array]]  # position -> kernel [side, side, in, out], bias [out]
    linear: list[jax.Array]  # [C] of each stage


def trunk(weights: Weights) -> Trunk:
    """The network that the convolutions are of."""
    return ALEX if weights.convolutions[0][0].shape[0] == ALEX.first[0] else VGG


def is_needed(name: str) -> bool:
    """Is a file's tensor one of those above, by its name, whatever stands before it?"""
    return _NAME.fullmatch(name) is not None


def from_tensors(given: Mapping[str, np.ndarray]) -> Weights:
    """The weights among tensors of the names above.

    Raises:
      UserError: a tensor is missing (it is named), is there twice, or has a wrong shape.
    """
    found = [(match[1], value) for name, value in given.items() if (match := _NAME.fullmatch(name))]
    tensors = dict(found)
    if len(tensors) < len(found):
        twice = collections.Counter(name for name, _ in found).most_common(1)[0][0]
        raise UserError(f"tensor '{twice}' is there twice, inside two models; give the weights of one")
    if tensors and all(name.startswith("lin") for name in tensors):
        raise UserError(
            "LPIPS's linear layers alone; a network's convolutions are wanted beside them, in one file: torch.save("
            "torch.load('vgg16.pth') | torch.load('lpips.pth'), 'both.pth')"
        )
    convolutions, channels = {}, 3
    net = ALEX if _take(tensors, 0, 0, "weight").shape[2:] == (ALEX.first[0],) * 2 else VGG
    for stage, positions in enumerate(net.stages):
        for position in positions:
            weight, bias = (_take(tensors, position, stage, kind) for kind in ("weight", "bias"))
            side = net.first[0] if position == 0 else 5 if (net, position) == (ALEX, 3) else 3
            if weight.ndim != 4 or weight.shape[1:] != (channels, side, side) or bias.shape != weight.shape[:1]:
                raise UserError(
                    f"convolution {position} has shapes {weight.shape} and {bias.shape}; "
                    f"expected (out, {channels}, {side}, {side}) and (out,)"
                )
            convolutions[position] = (jnp.asarray(weight.transpose(2, 3, 1, 0)), jnp.asarray(bias))
            channels = weight.shape[0]

    widths = [convolutions[positions[-1]][1].shape[0] for positions in net.stages]
    if not any(name.startswith("lin") for name in tensors):
        return Weights(convolutions, [jnp.ones(width) for width in widths])
    linear = []
    for stage, width in enumerate(widths):
        name = f"lin{stage}.model.1.weight"
        if name not in tensors:
            raise UserError(f"tensor '{name}' is missing; give all five of LPIPS's linear layers or none")
        if tensors[name].size != width:
            raise UserError(f"tensor '{name}' has shape {tensors[name].shape}; expected (1, {width}, 1, 1)")
        linear.append(jnp.asarray(tensors[name], jnp.float32).reshape(width))
    return Weights(convolutions, linear)


def _take(tensors: Mapping[str, np.ndarray], position: int, stage: int, kind: str) -> np.ndarray:
    """The "weight" or "bias" of the convolution at `position`, under either of its names."""
    names = (f"features.{position}.{kind}", f"net.slice{stage + 1}.{position}.{kind}")
    for name in names:
        if name in tensors:
            return np.asarray(tensors[name], np.float32)
    raise UserError(
        f"tensor '{names[0]}' (or '{names[1]}') is missing; give weights of VGG16 or AlexNet under these names"
    )


def features(weights: Weights, x_BxRxRx3: jax.Array) -> list[jax.Array]:
    """Images in [-1, 1] -> the network's five feature maps [B, S, S, C], each position scaled to unit length."""
    x = (x_BxRxRx3 - SHIFT) / SCALE
    net, maps = trunk(weights), []
    window = (1, net.pool, net.pool, 1)
    for stage, positions in enumerate(net.stages):
        if stage in net.pooled:
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, (1, 2, 2, 1), "VALID")
        for position in positions:
            kernel, bias = weights.convolutions[position]
            stride = net.first[1] if position == 0 else 1
            padding = "SAME" if stride == 1 else ((2, 2), (2, 2))
            x = jax.lax.conv_general_dilated(
                x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = jax.nn.relu(x + bias)
        # The 1e-20 keeps the gradient finite where a ReLU map is zero everywhere; LPIPS's own 1e-10 follows.
        length = jnp.sqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-20)
        maps.append(x / (length + 1e-10))
    return maps


def distance(weights: Weights, a_BxRxRx3: jax.Array, b_BxRxRx3: jax.Array) -> jax.Array:
    """Perceptual distance of two batches of images in [-1, 1], fp32 [B]: weighted squared differences of features."""
    pairs = zip(features(weights, a_BxRxRx3), features(weights, b_BxRxRx3), weights.linear)
    return jnp.stack([(jnp.square(a - b) * lin).sum(-1).mean((1, 2)) for a, b, lin in pairs]).sum(0)
