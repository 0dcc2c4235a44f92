"""Weights of the structure of VGG16 and AlexNet, thin and random."""

import numpy as np

from t2f_jax.models import lpips


def thin_vgg(rng, widths=(4, 5, 6, 7, 8), linear=True):
    """VGG16-like weights, thin, under torchvision's and lpips' names."""
    tensors, channels = {}, 3
    for stage, positions in enumerate(lpips.VGG.stages):
        for position in positions:
            shape = (widths[stage], channels, 3, 3)
            tensors[f"features.{position}.weight"] = rng.normal(size=shape).astype(np.float32) * 0.3
            tensors[f"features.{position}.bias"] = np.zeros(widths[stage], np.float32)
            channels = widths[stage]
        if linear:
            tensors[f"lin{stage}.model.1.weight"] = rng.random((1, widths[stage], 1, 1)).astype(np.float32)
    return tensors


def thin_alex(rng, widths=(4, 5, 6, 7, 8)):
    """AlexNet-like weights with LPIPS's linear layers."""
    tensors, channels = {}, 3
    for stage, ((position,), side) in enumerate(zip(lpips.ALEX.stages, (11, 5, 3, 3, 3))):
        shape = (widths[stage], channels, side, side)
        tensors[f"features.{position}.weight"] = rng.normal(size=shape).astype(np.float32) * 0.3
        tensors[f"features.{position}.bias"] = rng.normal(size=widths[stage]).astype(np.float32) * 0.1
        tensors[f"lin{stage}.model.1.weight"] = rng.random((1, widths[stage], 1, 1)).astype(np.float32)
        channels = widths[stage]
    return tensors
