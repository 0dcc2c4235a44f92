"""Perceptual distance: LPIPS (Zhang et al., 2018, arXiv:1801.03924) on VGG16, AlexNet or SqueezeNet 1.1.

The user provides the weights: tensors with torchvision's names (`features.0.weight` [out, in, 3, 3], `features.0.bias`;
for SqueezeNet `features.3.squeeze.weight`) or with those of the lpips package (`net.slice1.0.weight`). If LPIPS's
linear layers are among them (`lin0.model.1.weight` [1, C, 1, 1], one per stage), the distance is LPIPS; without them
every channel has weight 1. They may be part of another model's checkpoint, such as a VQGAN's `loss.perceptual_loss.`.

Axes: B batch, R pixels of a side, S side of a feature map, C channels.
"""

import collections
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.errors import UserError


class Trunk(NamedTuple):
    """The places where LPIPS takes features from a torchvision network: after the last ReLU of each stage.

    Attributes:
      stages: positions of the convolutions, by stage.
      first: side, stride and padding of the first convolution; others have stride 1 and keep the side of their map.
      pool: side of the maximum pools, which have stride 2.
      pooled: the stages that begin with one.
      least_side: smallest side of images, in pixels.
      fires: whether all positions but the first are SqueezeNet's fire modules: a convolution of side 1, followed by one
        of side 1 and one of side 3 in parallel. Its pools also cover windows that cross the edge.
    """

    name: str
    stages: tuple[tuple[int, ...], ...]
    first: tuple[int, int, int]
    pool: int
    pooled: tuple[int, ...]
    least_side: int
    fires: bool = False


VGG = Trunk("vgg", ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)), (3, 1, 1), 2, (1, 2, 3, 4), 16)
ALEX = Trunk("alex", ((0,), (3,), (6,), (8,), (10,)), (11, 4, 2), 3, (1, 2), 32)
SQUEEZE = Trunk("squeeze", ((0,), (3, 4), (6, 7), (9,), (10,), (11,), (12,)), (3, 2, 0), 3, (1, 2, 3), 17, fires=True)
FIRE = {"squeeze": 1, "expand1x1": 1, "expand3x3": 3}  # a fire module's convolutions and their sides
# LPIPS's ScalingLayer: ImageNet's mean and standard deviation for images in [-1, 1].
SHIFT = np.array([-0.030, -0.088, -0.188], np.float32)
SCALE = np.array([0.458, 0.448, 0.450], np.float32)


_NAME = re.compile(
    r"(?:.*\.)?((?:features|net\.slice[1-7])\.\d+\.(?:(?:squeeze|expand[13]x[13])\.)?(?:weight|bias)"
    r"|lin[0-6]\.model\.1\.weight)",
    re.ASCII,
)
Convolution = tuple[jax.Array, jax.Array]  # kernel [side, side, in, out], bias [out]


class Weights(NamedTuple):
    """A trunk's convolutions and LPIPS's linear layers, float32."""

    convolutions: dict[str, Convolution]  # by position; in a fire module such as "3.squeeze"
    linear: list[jax.Array]  # [C] of each stage


def trunk(weights: Weights) -> Trunk:
    """The network that the convolutions belong to."""
    if "3.squeeze" in weights.convolutions:
        return SQUEEZE
    return ALEX if weights.convolutions["0"][0].shape[0] == ALEX.first[0] else VGG


def is_needed(name: str) -> bool:
    """Whether a file's tensor is one of those above, by its name without prefix."""
    return _NAME.fullmatch(name) is not None


def from_tensors(given: Mapping[str, np.ndarray]) -> Weights:
    """Finds the weights among tensors, by the names above.

    Raises:
      UserError: a tensor is missing (the message names it), occurs twice, or has a wrong shape.
    """
    found = [(match[1], value) for name, value in given.items() if (match := _NAME.fullmatch(name))]
    tensors = dict(found)
    if len(tensors) < len(found):
        twice = collections.Counter(name for name, _ in found).most_common(1)[0][0]
        raise UserError(f"tensor '{twice}' is there twice, inside two models; give the weights of one")
    if tensors and all(name.startswith("lin") for name in tensors):
        raise UserError(
            "only LPIPS's linear layers; they need a network's convolutions in the same file: torch.save("
            "torch.load('vgg16.pth') | torch.load('lpips.pth'), 'both.pth')"
        )
    if any(".squeeze." in name for name in tensors):
        net = SQUEEZE
    else:
        net = ALEX if _take(tensors, "0", 0, "weight").shape[2:] == (ALEX.first[0],) * 2 else VGG
    convolutions: dict[str, Convolution] = {}
    channels, widths = 3, []
    for stage, positions in enumerate(net.stages):
        for position in positions:
            (first, side), *beside = _sides(net, position).items()
            convolutions[first] = _convolution(tensors, first, stage, channels, side)
            channels = convolutions[first][1].shape[0]
            convolutions |= {name: _convolution(tensors, name, stage, channels, side) for name, side in beside}
            channels = sum(convolutions[name][1].shape[0] for name, _ in beside) or channels
        widths.append(channels)
    return Weights(convolutions, _linear(tensors, widths))


def _sides(net: Trunk, position: int) -> dict[str, int]:
    """The convolutions at a position, and the sides of their kernels."""
    if net.fires and position:
        return {f"{position}.{part}": side for part, side in FIRE.items()}
    return {str(position): net.first[0] if position == 0 else 5 if (net, position) == (ALEX, 3) else 3}


def _convolution(tensors: Mapping[str, np.ndarray], name: str, stage: int, channels: int, side: int) -> Convolution:
    weight, bias = (_take(tensors, name, stage, kind) for kind in ("weight", "bias"))
    if weight.ndim != 4 or weight.shape[1:] != (channels, side, side) or bias.shape != weight.shape[:1]:
        raise UserError(
            f"convolution {name} has shapes {weight.shape} and {bias.shape}; "
            f"expected (out, {channels}, {side}, {side}) and (out,)"
        )
    return jnp.asarray(weight.transpose(2, 3, 1, 0)), jnp.asarray(bias)


def _linear(tensors: Mapping[str, np.ndarray], widths: Sequence[int]) -> list[jax.Array]:
    """LPIPS's linear layers, or ones if there are none."""
    if not any(name.startswith("lin") for name in tensors):
        return [jnp.ones(width) for width in widths]
    linear = []
    for stage, width in enumerate(widths):
        name = f"lin{stage}.model.1.weight"
        if name not in tensors:
            raise UserError(f"tensor '{name}' is missing; give all {len(widths)} of LPIPS's linear layers or none")
        if tensors[name].size != width:
            raise UserError(f"tensor '{name}' has shape {tensors[name].shape}; expected (1, {width}, 1, 1)")
        linear.append(jnp.asarray(tensors[name], jnp.float32).reshape(width))
    return linear


def _take(tensors: Mapping[str, np.ndarray], name: str, stage: int, kind: str) -> np.ndarray:
    """The "weight" or "bias" of a convolution, under either of its names."""
    names = (f"features.{name}.{kind}", f"net.slice{stage + 1}.{name}.{kind}")
    for one in names:
        if one in tensors:
            return np.asarray(tensors[one], np.float32)
    raise UserError(
        f"tensor '{names[0]}' (or '{names[1]}') is missing; give weights of VGG16, AlexNet or SqueezeNet 1.1 under"
        " these names"
    )


def features(weights: Weights, x_BxRxRx3: jax.Array) -> list[jax.Array]:
    """Images in [-1, 1] -> the network's feature maps [B, S, S, C] by stage, each position scaled to unit length."""
    x = (x_BxRxRx3 - SHIFT) / SCALE
    net, maps = trunk(weights), []
    for stage, positions in enumerate(net.stages):
        if stage in net.pooled:
            x = _pool(net, x)
        for position in positions:
            if net.fires and position:
                x = _convolve(weights.convolutions[f"{position}.squeeze"], x)
                beside = (weights.convolutions[f"{position}.{part}"] for part in ("expand1x1", "expand3x3"))
                x = jnp.concatenate([_convolve(one, x) for one in beside], axis=-1)
            else:
                stride, padding = net.first[1:] if position == 0 else (1, None)
                x = _convolve(weights.convolutions[str(position)], x, stride, padding)
        # The 1e-20 keeps the gradient finite where a ReLU map is zero everywhere; LPIPS's own 1e-10 follows.
        length = jnp.sqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-20)
        maps.append(x / (length + 1e-10))
    return maps


def _convolve(given: Convolution, x: jax.Array, stride: int = 1, padding: int | None = None) -> jax.Array:
    """A convolution and its ReLU; by default the padding keeps the map's side."""
    kernel, bias = given
    edges = "SAME" if padding is None else ((padding, padding),) * 2
    x = jax.lax.conv_general_dilated(x, kernel, (stride, stride), edges, dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jax.nn.relu(x + bias)


def _pool(net: Trunk, x: jax.Array) -> jax.Array:
    beyond = (x.shape[1] - net.pool) % 2 if net.fires else 0  # torch's ceil_mode
    edges = ((0, 0), (0, beyond), (0, beyond), (0, 0))
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, net.pool, net.pool, 1), (1, 2, 2, 1), edges)


def distance(weights: Weights, a_BxRxRx3: jax.Array, b_BxRxRx3: jax.Array) -> jax.Array:
    """Perceptual distance of two batches of images in [-1, 1], fp32 [B]: weighted squared differences of features."""
    pairs = zip(features(weights, a_BxRxRx3), features(weights, b_BxRxRx3), weights.linear)
    return jnp.stack([(jnp.square(a - b) * lin).sum(-1).mean((1, 2)) for a, b, lin in pairs]).sum(0)
