"""Captions that a model writes, compared with the reference captions and with the labels of their faces."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from t2f_jax.config.schema import ReadingConfig
from t2f_jax.evaluation.interfaces import Advance, Model, ignore
from t2f_jax.evaluation.metrics.facts import count_facts
from t2f_jax.evaluation.stats import interval
from t2f_jax.tokens import facts
from t2f_jax.tokens.attributes import Fields


class CaptionRecord(TypedDict):
    """The caption that a model wrote for a face, and the face's reference captions.

    `denied`: what the model's caption says against the face's labels, see `tokens.facts.contradictions`.
    """

    generated: str
    given: list[str]
    denied: list[list[int]]


class CaptionFigures(TypedDict):
    """What captions say (`tokens.facts`), counted over all faces, with 95% intervals over faces.

    A share is None if nothing was counted.
    """

    faces: int
    precision: float | None  # share of the stated facts that the labels confirm; facts without a label do not count
    precision_interval: list[float] | None
    recall: float | None  # share of the positive facts of the labels that are stated correctly
    recall_interval: list[float] | None
    repeats: float  # share of the captions that state a fact twice
    repeats_interval: list[float]
    different: int  # distinct captions


def measure_captions(
    model: Model, images: np.ndarray, fields: Sequence[Fields], advance: Advance = ignore, batch_size: int = 64
) -> CaptionFigures:
    """Compares the captions that a model writes for uint8 [N, S, S, 3] with the labels of these N faces."""
    captions: list[str] = []
    for start in range(0, len(images), batch_size):
        captions += model.describe(np.asarray(images[start : start + batch_size]))
        advance(len(captions) - start)
    return score_captions(captions, fields)


def score_captions(captions: Sequence[str], fields: Sequence[Fields]) -> CaptionFigures:
    """The figures of the captions of N faces, compared with these faces' fields."""
    counts = count_facts(captions, [face["attributes"] for face in fields])
    precision, precision_interval = _ratio(counts.right, counts.right + counts.wrong)
    recall, recall_interval = _ratio(counts.stated, counts.stated + counts.missing)
    return {
        "faces": len(fields),
        "precision": precision,
        "precision_interval": precision_interval,
        "recall": recall,
        "recall_interval": recall_interval,
        "repeats": float(counts.repeats.mean()),
        "repeats_interval": interval(counts.repeats, np.ones(len(counts.repeats))),
        "different": len(set(captions)),
    }


def _ratio(hits_N: np.ndarray, counts_N: np.ndarray) -> tuple[float | None, list[float] | None]:
    """Sum of hits over sum of counts, and its interval."""
    if not counts_N.sum():
        return None, None
    return float(hits_N.sum() / counts_N.sum()), interval(hits_N, counts_N)


def caption_faces(
    model: Model, images: np.ndarray, fields: Sequence[Fields], how: ReadingConfig | None = None
) -> list[CaptionRecord]:
    """uint8 [N, S, S, 3] and the faces' fields -> N captions, each with the reference captions."""
    written = model.describe(images, how)
    return [
        {
            "generated": text,
            "given": list(f.get("captions", [])),
            "denied": [[start, end] for start, end in facts.contradictions(text, f["attributes"])],
        }
        for text, f in zip(written, fields, strict=True)
    ]
