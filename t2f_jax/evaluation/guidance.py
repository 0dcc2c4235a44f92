"""Does what is meant to make drawn faces show what was asked do so? Guidance over its scale, and self-reranking.

`model` is a `model.Model`, or anything with its `prompt`, `generate_codes`, `decode` and `prompt_scores`.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from t2f_jax.evaluation import agreement, stats
from t2f_jax.inference.sampler import Sampler
from t2f_jax.tokens.attributes import Attribute


def guidance_curve(
    model: Any,
    judge: Any,
    fields: Sequence[stats.Fields],
    schema: Sequence[Attribute],
    n: int,
    seed: int,
    sampler: Sampler,
    scales: Sequence[float],
    progress: Callable[[int], Any] = lambda _: None,
) -> list[dict[str, Any]]:
    """The share of requested attributes that the judge sees, for each guidance scale; the same n requests and seeds.

    Returns:
      [{"guidance", "seen" (share), "interval" (95%), "asked" (pairs scored)}], one for each scale.
    """
    points = []
    for scale in scales:
        chosen = dataclasses.replace(sampler, guidance=scale)
        told, _, _ = agreement.requests(model, judge, fields, schema, n, seed, chosen, progress)
        points.append({"guidance": scale, **_seen(told)})
    return points


def reranking(
    model: Any,
    judge: Any,
    fields: Sequence[stats.Fields],
    schema: Sequence[Attribute],
    n: int,
    seed: int,
    sampler: Sampler,
    best_of: int,
    progress: Callable[[int], Any] = lambda _: None,
) -> dict[str, Any]:
    """Of `best_of` faces for each of n requests: the first one, and the one that the model itself finds the best.

    Returns:
      {"guidance", "best_of", "first": {"seen", "interval", "asked"}, "best": likewise}.
    """
    asked = agreement.make_requests(fields, schema, n, seed)
    first, best = [], []
    for i, request in enumerate(asked):
        prompts = [model.prompt("", request)] * best_of
        codes = model.generate_codes(prompts, [seed + i * best_of + j for j in range(best_of)], sampler)
        scores = [told["total"] for told in model.prompt_scores(codes, prompts)]
        first.append(codes[0])
        best.append(codes[int(np.argmax(scores))])
        progress(best_of)
    result: dict[str, Any] = {"guidance": sampler.guidance, "best_of": best_of}
    for name, codes in (("first", first), ("best", best)):
        judged = judge.predict(model.decode(np.stack(codes)))
        result[name] = _seen(agreement.score_requests(asked, judged, schema))
    return result


def _seen(told: dict[str, Any]) -> dict[str, Any]:
    return {"seen": told["requested_attributes_seen"], "interval": told["interval"], "asked": told["asked"]}
