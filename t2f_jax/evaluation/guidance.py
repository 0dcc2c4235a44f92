"""Two ways to make generated faces match requests better: classifier-free guidance, and self-reranking.

Self-reranking generates several faces for a request and keeps the one that the model itself scores best.
"""

import dataclasses
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from t2f_jax.evaluation import agreement
from t2f_jax.evaluation.agreement import AgreementFigures
from t2f_jax.evaluation.chunks import Arrays, Chunks, Desk
from t2f_jax.evaluation.interfaces import Trial


class Seen(TypedDict):
    """The share of requested attributes that the judge recognizes, its 95% interval, and the number of scored pairs."""

    seen: float | None
    interval: list[float] | None
    asked: int


class GuidancePoint(Seen):
    """`Seen` at one guidance scale, and how far the attributes that were not requested drift (`measure_unasked`)."""

    guidance: float
    unasked_drift: float | None


class RerankingFigures(TypedDict):
    """Of `best_of` faces for each request: the first one, and the one that the model scores best."""

    guidance: float
    best_of: int
    first: Seen
    best: Seen


def draw_curve(trial: Trial, scales: Sequence[float], desk: Desk) -> list[Chunks]:
    """Generates faces for the same requests with the same seeds at each guidance scale."""
    return [agreement.draw(guided(trial, scale), desk, f"guidance {scale:g}") for scale in scales]


def guided(trial: Trial, scale: float) -> Trial:
    """The trial with another guidance scale."""
    return dataclasses.replace(trial, sampler=dataclasses.replace(trial.sampler, guidance=scale))


def measure_guidance_curve(trial: Trial, scales: Sequence[float], drawn: Sequence[Chunks]) -> list[GuidancePoint]:
    """What the judge recognizes at each guidance scale in the faces of `draw_curve`."""
    points: list[GuidancePoint] = []
    for scale, faces in zip(scales, drawn, strict=True):
        figures = agreement.measure_agreement(trial, faces)
        unasked = figures.get("unasked")
        points.append({"guidance": scale, "unasked_drift": unasked and unasked["drift"], **_seen(figures)})
    return points


def draw_reranked(trial: Trial, best_of: int, desk: Desk) -> Chunks:
    """Generates `best_of` faces for each request; the judge sees the first and the one that the model scores best.

    Face j of request i is generated with seed `trial.seed + i * best_of + j`.

    Returns:
      "first" and "best": JSON of what the judge predicts.
    """
    model = trial.model

    def work(examples: range) -> Arrays:
        first, best = [], []
        for i in examples:
            prompts = [model.prompt("", trial.requests[i])] * best_of
            seeds = [trial.seed + i * best_of + j for j in range(best_of)]
            codes = model.generate_codes(prompts, seeds, trial.sampler)
            scores = [score["total"] for score in model.prompt_scores(codes, prompts)]
            first.append(codes[0])
            best.append(codes[int(np.argmax(scores))])
        return {name: agreement.judge_codes(trial, np.stack(c)) for name, c in (("first", first), ("best", best))}

    return desk.run("reranked", {**trial.key(), "best_of": best_of}, len(trial.requests), work, f"best of {best_of}")


def measure_reranking(trial: Trial, best_of: int, drawn: Chunks) -> RerankingFigures:
    """What the judge recognizes in the faces of `draw_reranked`."""
    judged = {name: list(agreement.judgements(drawn.texts(name))) for name in ("first", "best")}
    seen = {name: _seen(agreement.score_requests(trial.requests, j, trial.schema)) for name, j in judged.items()}
    return {"guidance": trial.sampler.guidance, "best_of": best_of, "first": seen["first"], "best": seen["best"]}


def _seen(figures: AgreementFigures) -> Seen:
    return {
        "seen": figures["requested_attributes_seen"],
        "interval": figures["interval"],
        "asked": figures["asked"],
    }
