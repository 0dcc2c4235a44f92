"""Figures from network features: generated faces against test faces, captions and training faces; reconstructions."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import stats

from t2f_jax.evaluation import image_sets
from t2f_jax.evaluation.figure import Figure, with_intervals
from t2f_jax.evaluation.instruments import Instruments, text_vectors
from t2f_jax.evaluation.looking import Looked, Seen
from t2f_jax.evaluation.metrics.clip_score import clip_score_figure, cosine_score, r_precision_figure
from t2f_jax.inference.model import Model


def set_figures(prefix: str, instruments: Instruments, real: Seen, drawn: Sequence[Seen]) -> list[Figure]:
    """Distances and manifold metrics between generated and real images, in the features of every network.

    Args:
      drawn: one set for each range of seeds. Figures are those of the first set, except distances, which have no
        bootstrap: over several sets they are the mean, with Student's interval over the sets.
    """
    figures: list[Figure] = []
    for network in instruments.features:
        every = [image_sets.set_figures(prefix, network, real[network.name], seen[network.name]) for seen in drawn]
        figures += [over_seeds(same) for same in zip(*every)]
    return figures


def over_seeds(same: Sequence[Figure]) -> Figure:
    """One figure from those of several sampling seeds, if it is not a mean over examples; for one seed unchanged."""
    first, k = same[0], len(same)
    if k == 1 or first.per_example is not None:
        return first
    values = np.array([figure.value for figure in same])
    half = float(stats.t.ppf(0.975, k - 1) * values.std(ddof=1) / np.sqrt(k))
    mean = float(values.mean())
    line = f"{first.protocol}|sampling seeds:{k}"
    changed = {"value": mean, "interval": (mean - half, mean + half), "interval_over": "sampling seeds"}
    return dataclasses.replace(first, protocol=line, **changed)


def drawn_image_figures(
    prefix: str, model: Model, instruments: Instruments, looked: Looked, codes: np.ndarray, held_out: np.ndarray
) -> list[Figure]:
    """Figures of the faces generated for `prefix`, `requests` or `texts`.

    Args:
      codes, held_out: of the generated faces and the test faces, int32 [N, n].
    """
    figures = []
    if looked.drawn.get(prefix):
        for figure in with_intervals(set_figures(prefix, instruments, looked.faces, looked.drawn[prefix])):
            aligned = figure.per_example is None or len(figure.per_example) == len(codes)
            # Recall and coverage are means over the test faces, which are not rows of this part.
            figures.append(figure if aligned else dataclasses.replace(figure, per_example=None))
    if looked.training is not None:
        figures += image_sets.copy_figures(model, codes, held_out, looked.training, prefix)
    return figures


def caption_figures(texts: Sequence[str], instruments: Instruments, seen: Seen, seed: int) -> list[Figure]:
    """How well faces generated for captions fit them, by CLIP; no figures without one."""
    if instruments.clip is None:
        return []
    images, (vectors, cut) = seen["clip"].column("features"), text_vectors(instruments.clip, texts)
    by = instruments.clip.protocol
    return [
        clip_score_figure("texts/clip_score", images, vectors, by, cut),
        r_precision_figure("texts/r_precision_clip", texts, cosine_score(images, vectors), by, seed),
    ]
