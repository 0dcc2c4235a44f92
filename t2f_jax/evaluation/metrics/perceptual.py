"""LPIPS of pairs of images, with a user's files: VGG16, AlexNet or SqueezeNet, and LPIPS's heads.

The network is in `models.lpips`. Axes: B images, S pixels of a side.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import jax
import numpy as np

from t2f_jax.environment import computes
from t2f_jax.errors import UserError, naming
from t2f_jax.evaluation.figure import protocol_line
from t2f_jax.evaluation.metrics.networks import sha256
from t2f_jax.io.weights import load_tensors
from t2f_jax.models import lpips

_distance = jax.jit(lpips.distance)


@dataclasses.dataclass(frozen=True)
class Lpips:
    """LPIPS ready to use; `protocol` is the protocol line of its figures."""

    weights: lpips.Weights = dataclasses.field(repr=False)
    protocol: str

    @computes
    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """uint8 [B, S, S, 3] twice -> the distance of each pair, float64 [B].

        Raises:
          UserError: images too small for the network's pooling.
        """
        least = lpips.trunk(self.weights).least_side
        if first.shape[1] < least:
            raise UserError(f"LPIPS needs images of {least} pixels a side and more, got {first.shape[1]}")
        a, b = (np.asarray(x, np.float32) / 127.5 - 1 for x in (first, second))
        return np.asarray(_distance(self.weights, a, b), np.float64)


def open_lpips(paths: Sequence[pathlib.Path]) -> Lpips:
    """LPIPS from one file, or from two: torchvision's vgg16, alexnet or squeezenet1_1, and lpips' heads for it.

    Raises:
      UserError: a file is broken, a tensor is missing, or there are no linear layers, which LPIPS requires.
    """
    names = ", ".join(map(str, paths))
    with naming(names):
        tensors: dict[str, np.ndarray] = {}
        for path in paths:
            tensors |= load_tensors(path, lpips.is_needed)
        if not any("lin" in name for name in tensors):
            raise UserError("no linear layers of LPIPS; give the file of lpips (vgg.pth, alex.pth, squeeze.pth), too")
        weights = lpips.from_tensors(tensors)
    files = "+".join(sha256(path) for path in paths)
    net = lpips.trunk(weights).name
    return Lpips(weights, protocol_line("lpips", heads=0.1, net=net, weights=files, range="-1..1", version=1))
