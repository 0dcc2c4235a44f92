"""Inception-v3 as FID uses it (Heusel et al., 2017, arXiv:1706.08500): images -> 2048 features, with a user's weights.

The network of 2015-12-05, in the layout of pytorch-fid's file: torchvision's names (`Mixed_5b.branch1x1.conv.weight`),
1008 classes; average pools do not count the padding, and the last block uses a maximum pool. Each batch norm (epsilon
1e-3) is folded into the convolution before it.

Axes: B batch, S pixels of a side (299 in use), D features.
"""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from t2f_jax.errors import UserError

SIDE = 299
FEATURES = 2048
CLASSES = 1008  # torchvision's own weights have 1000
_EPSILON = 1e-3

# A step is a pool ("avg", "max"), a unit (name, features, size[, stride]), or a tuple of parallel units.
_AVERAGE, _MAXIMUM, _HALVE = "avg", "max", "halve"


def _a(pooled: int) -> tuple:
    return (
        (("branch1x1", 64, 1),),
        (("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)),
        (("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)),
        (_AVERAGE, ("branch_pool", pooled, 1)),
    )


def _c(narrow: int) -> tuple:
    along, down = (1, 7), (7, 1)
    twice = (("1", narrow, 1), ("2", narrow, down), ("3", narrow, along), ("4", narrow, down), ("5", 192, along))
    return (
        (("branch1x1", 192, 1),),
        (("branch7x7_1", narrow, 1), ("branch7x7_2", narrow, along), ("branch7x7_3", 192, down)),
        tuple((f"branch7x7dbl_{name}", features, size) for name, features, size in twice),
        (_AVERAGE, ("branch_pool", 192, 1)),
    )


def _e(pool: str) -> tuple:
    def ends(name: str) -> tuple:
        return ((f"{name}a", 384, (1, 3)), (f"{name}b", 384, (3, 1)))

    return (
        (("branch1x1", 320, 1),),
        (("branch3x3_1", 384, 1), ends("branch3x3_2")),
        (("branch3x3dbl_1", 448, 1), ("branch3x3dbl_2", 384, 3), ends("branch3x3dbl_3")),
        (pool, ("branch_pool", 192, 1)),
    )


BLOCKS = {  # name -> branches, each a row of steps
    "Mixed_5b": _a(32),
    "Mixed_5c": _a(64),
    "Mixed_5d": _a(64),
    "Mixed_6a": (
        (("branch3x3", 384, 3, 2),),
        (("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3, 2)),
        (_HALVE,),
    ),
    "Mixed_6b": _c(128),
    "Mixed_6c": _c(160),
    "Mixed_6d": _c(160),
    "Mixed_6e": _c(192),
    "Mixed_7a": (
        (("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3, 2)),
        (
            *(("branch7x7x3_1", 192, 1), ("branch7x7x3_2", 192, (1, 7)), ("branch7x7x3_3", 192, (7, 1))),
            ("branch7x7x3_4", 192, 3, 2),
        ),
        (_HALVE,),
    ),
    "Mixed_7b": _e(_AVERAGE),
    "Mixed_7c": _e(_MAXIMUM),
}


class Unit(nn.Module):
    """A convolution with a bias, and ReLU. Without padding if `stride` is 2 or `padding` says so."""

    features: int
    size: int | tuple[int, int]
    stride: int = 1
    padding: str = "SAME"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, C] -> [B, H', W', features]."""
        size = (self.size, self.size) if isinstance(self.size, int) else self.size
        padding = "VALID" if self.stride > 1 else self.padding
        conv = nn.Conv(self.features, size, self.stride, padding, precision="highest", name="conv")
        return nn.relu(conv(x))


class Block(nn.Module):
    """Parallel branches, given by `BLOCKS`; their channels are concatenated. `divisor` reduces all channels."""

    branches: tuple
    divisor: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, C] -> [B, H', W', the sum of the branches' last features]."""
        return jnp.concatenate([self._run(x, branch) for branch in self.branches], -1)

    def _run(self, x: jax.Array, steps: tuple) -> jax.Array:
        for step in steps:
            if isinstance(step, str):
                x = _pool(x, step)
            elif isinstance(step[0], tuple):
                x = jnp.concatenate([self._unit(unit)(x) for unit in step], -1)
            else:
                x = self._unit(step)(x)
        return x

    def _unit(self, step: tuple) -> Unit:
        name, features, *shape = step
        return Unit(features // self.divisor, *shape, name=name)


def _pool(x: jax.Array, kind: str) -> jax.Array:
    if kind == _HALVE:
        return nn.max_pool(x, (3, 3), (2, 2))
    if kind == _MAXIMUM:
        return nn.max_pool(x, (3, 3), padding="SAME")
    return nn.avg_pool(x, (3, 3), padding="SAME", count_include_pad=False)


class Inception(nn.Module):
    """The whole network. `divisor` reduces its channels, for tests."""

    divisor: int = 1

    @nn.compact
    def __call__(self, x_BxSxSx3: jax.Array) -> jax.Array:
        """Images in [-1, 1], S >= 75 -> features after the last pool, float32 [B, 2048 / divisor]."""
        k = self.divisor
        x = Unit(32 // k, 3, 2, name="Conv2d_1a_3x3")(x_BxSxSx3)
        x = Unit(32 // k, 3, padding="VALID", name="Conv2d_2a_3x3")(x)
        x = Unit(64 // k, 3, name="Conv2d_2b_3x3")(x)
        x = _pool(x, _HALVE)
        x = Unit(80 // k, 1, name="Conv2d_3b_1x1")(x)
        x = Unit(192 // k, 3, padding="VALID", name="Conv2d_4a_3x3")(x)
        x = _pool(x, _HALVE)
        for name, branches in BLOCKS.items():
            x = Block(branches, k, name=name)(x)
        return x.mean((1, 2))


def abstract_params(network: Inception) -> dict[str, jax.ShapeDtypeStruct]:
    """Path (`Mixed_5b/branch1x1/conv/kernel`) -> shape of each parameter."""
    image = jnp.zeros((1, 75, 75, 3))
    params: Any = jax.eval_shape(network.init, jax.random.key(0), image)["params"]
    return traverse_util.flatten_dict(params, sep="/")  # pyright: ignore[reportReturnType]


def from_tensors(tensors: Mapping[str, np.ndarray], network: Inception) -> Any:
    """Parameters of `network` from tensors with pytorch-fid's names; others, such as `fc.bias`, are not needed.

    Raises:
      UserError: a tensor is missing or has a wrong shape (the message names it), or `fc.weight` is not that of FID's
        weights.
    """
    classes = np.shape(tensors["fc.weight"])[:1] if "fc.weight" in tensors else ()
    if classes != (CLASSES,):
        told = f"its 'fc.weight' has {classes[0]} rows" if classes else "it has no 'fc.weight'"
        raise UserError(
            f"no weights of FID's Inception: {told}, not {CLASSES}; give pytorch-fid's"
            " pt_inception-2015-12-05-6726825d.pth; with other weights the number is not FID"
        )
    params = {}
    for path, wanted in abstract_params(network).items():
        if path.endswith("bias"):
            continue
        unit = path.removesuffix("/conv/kernel").replace("/", ".")
        weight = _tensor(tensors, f"{unit}.conv.weight", tuple(wanted.shape[i] for i in (3, 2, 0, 1)))
        scale, shift, mean, variance = (
            _tensor(tensors, f"{unit}.bn.{kind}", wanted.shape[3:])
            for kind in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale / np.sqrt(variance + _EPSILON)
        params[path] = (weight.transpose(2, 3, 1, 0) * factor).astype(np.float32)
        params[path.replace("kernel", "bias")] = (shift - mean * factor).astype(np.float32)
    return traverse_util.unflatten_dict(params, sep="/")


def _tensor(tensors: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name not in tensors:
        raise UserError(f"no weights of FID's Inception: tensor '{name}' is missing")
    if np.shape(tensors[name]) != shape:
        raise UserError(f"no weights of FID's Inception: '{name}' has shape {np.shape(tensors[name])}, not {shape}")
    return np.asarray(tensors[name], np.float64)
