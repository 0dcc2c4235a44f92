"""Two ways to make drawn faces show more of what was requested: classifier-free guidance, and self-reranking.

Self-reranking draws several faces for a request and keeps the one that the model itself finds the most fitting.
"""

import dataclasses
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from t2f_jax.evaluation import agreement
from t2f_jax.evaluation.agreement import AgreementFigures
from t2f_jax.evaluation.interfaces import Advance, Trial, ignore


class Seen(TypedDict):
    """The share of requested attributes that the judge sees, its 95% interval, and the pairs scored."""

    seen: float | None
    interval: list[float] | None
    asked: int


class GuidancePoint(Seen):
    """`Seen` at one guidance scale, and how far the attributes that were not requested drift (`measure_unasked`)."""

    guidance: float
    unasked_drift: float | None


class RerankingFigures(TypedDict):
    """Of `best_of` faces for each request: the first one, and the one that the model finds the best."""

    guidance: float
    best_of: int
    first: Seen
    best: Seen


def measure_guidance_curve(trial: Trial, scales: Sequence[float], advance: Advance = ignore) -> list[GuidancePoint]:
    """What the judge sees at each guidance scale, for the same requests and seeds."""
    points: list[GuidancePoint] = []
    for scale in scales:
        guided = dataclasses.replace(trial, sampler=dataclasses.replace(trial.sampler, guidance=scale))
        figures = agreement.measure_agreement(guided, advance).figures
        unasked = figures.get("unasked")
        points.append({"guidance": scale, "unasked_drift": unasked and unasked["drift"], **_seen(figures)})
    return points


def measure_reranking(trial: Trial, best_of: int, advance: Advance = ignore) -> RerankingFigures:
    """Draws `best_of` faces for each request; the judge looks at the first and at the best one of each.

    Face j of request i is drawn from `trial.seed + i * best_of + j`.
    """
    model = trial.model
    first, best = [], []
    for i, request in enumerate(trial.requests):
        prompts = [model.prompt("", request)] * best_of
        seeds = [trial.seed + i * best_of + j for j in range(best_of)]
        codes = model.generate_codes(prompts, seeds, trial.sampler)
        scores = [score["total"] for score in model.prompt_scores(codes, prompts)]
        first.append(codes[0])
        best.append(codes[int(np.argmax(scores))])
        advance(best_of)
    return {
        "guidance": trial.sampler.guidance,
        "best_of": best_of,
        "first": _judge_codes(trial, first),
        "best": _judge_codes(trial, best),
    }


def _judge_codes(trial: Trial, codes: Sequence[np.ndarray]) -> Seen:
    """What the judge sees in one face for each request."""
    judged = trial.judge.predict(trial.model.decode(np.stack(codes)))
    return _seen(agreement.score_requests(trial.requests, judged, trial.schema))


def _seen(figures: AgreementFigures) -> Seen:
    return {
        "seen": figures["requested_attributes_seen"],
        "interval": figures["interval"],
        "asked": figures["asked"],
    }
