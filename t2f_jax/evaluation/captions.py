"""Captions that a model writes, beside the given ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from t2f_jax.evaluation.stats import Fields


def captions(model: Any, images: np.ndarray, fields: Sequence[Fields], **options: Any) -> list[dict[str, Any]]:
    """Captions that the model writes, beside the given ones; `options` (seeds, sampler) go to
    `model.describe_codes`.

    Returns:
      [{"generated": str, "given": [str, ...]}] of N.
    """
    written = model.describe_codes(model.encode(images), **options)
    return [{"generated": text, "given": list(f.get("captions", []))} for text, f in zip(written, fields, strict=True)]
