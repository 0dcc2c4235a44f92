"""Captions that a model writes, beside the given ones."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from t2f_jax.evaluation.interfaces import Model
from t2f_jax.tokens.attributes import Fields


class CaptionRecord(TypedDict):
    """The caption that a model wrote for a face, and those that the face came with."""

    generated: str
    given: list[str]


def caption_faces(model: Model, images: np.ndarray, fields: Sequence[Fields]) -> list[CaptionRecord]:
    """uint8 [N, S, S, 3] and the faces' fields -> N captions, each beside the given ones."""
    written = model.describe_codes(model.encode(images))
    return [{"generated": text, "given": list(f.get("captions", []))} for text, f in zip(written, fields, strict=True)]
