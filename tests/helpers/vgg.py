"""Thin random weights with the structures of VGG16, AlexNet and SqueezeNet."""

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


def thin_squeeze(rng, widths=(4, 6, 8, 6, 6, 8, 8)):
    """SqueezeNet-1.1-like weights with LPIPS's linear layers."""
    tensors, channels = {}, 3

    def add(name, out, inside, side):
        tensors[f"features.{name}.weight"] = rng.normal(size=(out, inside, side, side)).astype(np.float32) * 0.4
        tensors[f"features.{name}.bias"] = rng.normal(size=out).astype(np.float32) * 0.1

    for stage, positions in enumerate(lpips.SQUEEZE.stages):
        for position in positions:
            if position == 0:
                add("0", widths[0], channels, 3)
            else:
                add(f"{position}.squeeze", 3, channels, 1)
                add(f"{position}.expand1x1", widths[stage] // 2, 3, 1)
                add(f"{position}.expand3x3", widths[stage] - widths[stage] // 2, 3, 3)
            channels = widths[stage]
        tensors[f"lin{stage}.model.1.weight"] = rng.random((1, widths[stage], 1, 1)).astype(np.float32)
    return tensors
