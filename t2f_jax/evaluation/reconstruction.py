"""Images through the image tokenizer and back: PSNR, and how much of the codebook is used."""

from typing import Any

import numpy as np

from t2f_jax.evaluation.stats import Progress, interval, silent

PSNR_CAP = 100.0  # decibels of an image that comes back exactly (its PSNR is infinite)


def psnr(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each pair of [N, S, S, 3] (0..255), [N] decibels, at most `PSNR_CAP`."""
    error_N = np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2, axis=(1, 2, 3))
    return np.minimum(10 * np.log10(255.0**2 / np.maximum(error_N, 1e-9)), PSNR_CAP)


def reconstruction(
    model: Any, images: np.ndarray, codebook_size: int, progress: Progress = silent, batch_size: int = 64
) -> dict[str, Any]:
    """Images through the image tokenizer and back: the best that any face drawn from its codes can look.

    Returns:
      {"faces", "psnr", "interval", "psnr_mean_image" (baseline: every image answered by the mean of them all),
       "codes_used" (share of the codebook), "perplexity" (exp of the entropy of code use), "codes_per_image"}.
    """
    codes, values = [], []
    for start in range(0, len(images), batch_size):
        batch = np.asarray(images[start : start + batch_size])
        codes.append(np.asarray(model.encode(batch)))
        values.append(psnr(batch, np.asarray(model.decode(codes[-1]))))
        progress(len(batch))
    psnr_N, codes_Nxn = np.concatenate(values), np.concatenate(codes)
    share = np.bincount(codes_Nxn.ravel(), minlength=codebook_size) / codes_Nxn.size
    used = share[share > 0]
    mean = np.asarray(np.mean(images, axis=0, dtype=np.float64))[None]
    return {
        "faces": len(images),
        "psnr": float(psnr_N.mean()),
        "interval": interval(psnr_N, np.ones(len(psnr_N))),
        "psnr_mean_image": float(np.mean([psnr(image[None], mean)[0] for image in images])),
        "codes_used": len(used) / codebook_size,
        "perplexity": float(np.exp(-(used * np.log(used)).sum())),
        "codes_per_image": codes_Nxn.shape[1],
    }
