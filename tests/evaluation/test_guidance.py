import numpy as np
from fake_model import BLUE, RED, SCHEMA, FakeJudge, FakeModel

from t2f_jax.evaluation.chunks import Desk
from t2f_jax.evaluation.guidance import draw_curve, draw_reranked, measure_guidance_curve, measure_reranking
from t2f_jax.evaluation.interfaces import Trial
from t2f_jax.inference.sampler import Sampler

REQUESTS = [{"gender": "male", "hat": "yes"}, {"gender": "male"}]  # a red face shows both, a blue one neither


class GuidedModel(FakeModel):
    """Draws what was requested if it is guided by more than 2; without guidance only from every third seed."""

    def prompt(self, text, attributes):
        return f"{text} {attributes}"

    def generate_codes(self, prompts, seeds, sampler):
        self.calls.append((list(prompts), list(seeds), sampler))
        reds = [sampler.guidance > 2 or seed % 3 == 2 for seed in seeds]
        return np.array([[RED if red else BLUE] * 2 for red in reds])

    def prompt_scores(self, codes, prompts):
        return [{"total": float(row[0])} for row in codes]


def test_guidance_curve_keeps_requests_and_seeds(tmp_path):
    model, scales = GuidedModel(), (1.0, 3.0)
    trial = Trial(model, FakeJudge(), REQUESTS, SCHEMA, 0, Sampler(guidance=5.0))
    points = measure_guidance_curve(trial, scales, draw_curve(trial, scales, Desk(tmp_path)))
    assert [(p["guidance"], p["seen"], p["asked"]) for p in points] == [(1.0, 0.0, 3), (3.0, 1.0, 3)]
    assert points[1]["interval"] == [1.0, 1.0] and points[1]["unasked_drift"] is None
    assert model.calls[0][:2] == model.calls[1][:2]


def test_reranking_takes_the_face_that_the_model_scores_highest(tmp_path):
    model = GuidedModel()
    trial = Trial(model, FakeJudge(), REQUESTS, SCHEMA, 0, Sampler())
    figures = measure_reranking(trial, 3, draw_reranked(trial, 3, Desk(tmp_path)))
    assert (figures["guidance"], figures["best_of"]) == (1.0, 3)
    assert [seeds for _, seeds, _ in model.calls] == [[0, 1, 2], [3, 4, 5]]
    assert figures["first"]["seen"] == 0.0 and figures["best"]["seen"] == 1.0
