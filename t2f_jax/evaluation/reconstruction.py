"""Reconstructions by the image tokenizer: PSNR, and how much of the codebook is used.

Axes: N images, S image side, n codes per image.
"""

from typing import TypedDict

import numpy as np

from t2f_jax.evaluation.interfaces import Advance, Model, ignore
from t2f_jax.evaluation.stats import interval
from t2f_jax.io.arrays import ChosenRows

PSNR_CAP = 100.0  # decibels, for an exact reconstruction (whose PSNR is infinite)


class ReconstructionFigures(TypedDict):
    """PSNR in decibels. `perplexity`: exp of the entropy of how often each code is used."""

    faces: int
    psnr: float
    interval: list[float]
    psnr_mean_image: float  # baseline: every reconstruction is the mean of all images
    codes_used: float  # share of the codebook
    perplexity: float
    codes_per_image: int


def psnr(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each pair of [N, S, S, 3] (0..255), [N] decibels, at most `PSNR_CAP`."""
    error_N = np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2, axis=(1, 2, 3))
    return np.minimum(10 * np.log10(255.0**2 / np.maximum(error_N, 1e-9)), PSNR_CAP)


def measure_reconstruction(
    model: Model, images: np.ndarray, codebook_size: int, advance: Advance = ignore, batch_size: int = 64
) -> ReconstructionFigures:
    """Reconstructs uint8 [N, S, S, 3]; no face generated from these codes can look better."""
    codes, values = [], []
    for start in range(0, len(images), batch_size):
        batch = np.asarray(images[start : start + batch_size])
        codes.append(np.asarray(model.encode(batch)))
        values.append(psnr(batch, np.asarray(model.decode(codes[-1]))))
        advance(len(batch))
    return score_reconstructions(images, np.concatenate(values), np.concatenate(codes), codebook_size)


def score_reconstructions(
    images: ChosenRows | np.ndarray, psnr_N: np.ndarray, codes_Nxn: np.ndarray, codebook_size: int
) -> ReconstructionFigures:
    """The figures of N images with known PSNR and codes; reads one slice of `images` at a time."""
    share = np.bincount(codes_Nxn.ravel(), minlength=codebook_size) / codes_Nxn.size
    used = share[share > 0]
    parts = [slice(start, start + 64) for start in range(0, len(images), 64)]
    total = np.zeros(images.shape[1:])
    for part in parts:
        total += np.sum(images[part], axis=0, dtype=np.float64)
    mean = total[None] / len(images)
    baseline = [psnr(image[None], mean)[0] for part in parts for image in images[part]]
    return {
        "faces": len(images),
        "psnr": float(psnr_N.mean()),
        "interval": interval(psnr_N, np.ones(len(psnr_N))),
        "psnr_mean_image": float(np.mean(baseline)),
        "codes_used": len(used) / codebook_size,
        "perplexity": float(np.exp(-(used * np.log(used)).sum())),
        "codes_per_image": codes_Nxn.shape[1],
    }
