import json

import numpy as np
import pytest

from t2f_jax.evaluation import agreement, reconstruction, stats
from t2f_jax.evaluation import attributes as evaluate
from t2f_jax.evaluation import captions as captions_module
from t2f_jax.evaluation import card as card_module
from t2f_jax.inference import answers as answers_module
from t2f_jax.tokens.attributes import Attribute

SCHEMA = (
    Attribute("gender", ("male", "female")),
    Attribute("hat", ("no", "yes")),
    Attribute("age", low=1, high=90),
)
RED, BLUE = 200, 10


def face(gender=None, hat=None, age=None, captions=()):
    known = {"gender": gender, "hat": hat, "age": age}
    return {"attributes": {k: v for k, v in known.items() if v is not None}, "captions": list(captions)}


class FakeModel:
    """Answers what it is told to; a face's number stands in its first pixel."""

    def __init__(self, answers=(), draws=None):
        self.answers, self.draws, self.calls = answers, draws, []

    def probabilities(self, codes, attributes):
        self.calls.append(len(codes))
        return [{a.name: self.answers[row[0]][a.name] for a in attributes} for row in codes]

    def describe_codes(self, codes, seeds=None, sampler=None):
        return [f"face {row[0]} {sampler}" for row in codes]

    def encode(self, images):
        return images[:, :1, :2, 0].reshape(len(images), 2).astype(np.int32)

    def decode(self, codes):
        return np.repeat(codes[:, :1], 12, axis=1).reshape(-1, 2, 2, 3).astype(np.uint8)

    def generate_codes(self, texts, seeds, sampler=None):
        self.calls.append((list(texts), list(seeds), sampler))
        return np.array([[self.draws(text, seed)] * 2 for text, seed in zip(texts, seeds)])


class FakeJudge:
    """Sees a red picture as a man with a hat of 40, any other as a bare-headed woman of 20."""

    def predict(self, images):
        man, woman = {"gender": "male", "hat": "yes", "age": 40}, {"gender": "female", "hat": "no", "age": 20}
        return [man if image[0, 0, 0] == 200 else woman for image in images]


def numbered(n):
    images = np.zeros((n, 2, 2, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(n)
    return images


def ages(**probabilities):
    p = np.zeros(90)
    for age, share in probabilities.items():
        p[int(age[1:]) - 1] = share
    return p


def analysed(**options):
    fields = [face("male", "no", 30), face("male", "yes", 40), face("male", None, 50), face("female", "no")]
    answers = [
        {"gender": [0.9, 0.1], "hat": [0.8, 0.2], "age": ages(a30=0.6, a60=0.4)},  # median 30, expectation 42, mode 30
        {"gender": [0.6, 0.4], "hat": [0.7, 0.3], "age": ages(a20=0.4, a34=0.3, a50=0.3)},  # median 34, mode 20
        {"gender": [0.2, 0.8], "hat": [0.5, 0.5], "age": ages(a70=1.0)},
        {"gender": [0.0, 1.0], "hat": [0.1, 0.9], "age": ages(a5=1.0)},
    ]
    training = [face("female", "no", 20), face("female", "yes", 40), face("male", "no")]
    return evaluate.attributes(FakeModel(answers), numbered(4), fields, SCHEMA, training, **options)


def test_choices_by_hand():
    gender, hat = analysed()["choices"]["gender"], analysed()["choices"]["hat"]
    assert gender["n"] == 4 and gender["accuracy"] == 0.75
    assert gender["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert (
        gender["majority"] == "female" and gender["majority_accuracy"] == 0.25
    )  # the training split's, not the test's
    assert hat["n"] == 3 and hat["accuracy"] == pytest.approx(1 / 3)  # an unknown label does not count
    assert hat["balanced_accuracy"] == pytest.approx((1 / 2 + 0) / 2)
    mean = analysed()["mean"]
    assert mean["accuracy"] == pytest.approx((0.75 + 1 / 3) / 2)
    assert mean["majority_accuracy"] == pytest.approx((0.25 + 2 / 3) / 2)
    assert mean["interval"][0] <= mean["accuracy"] <= mean["interval"][1]


def test_age_by_hand():
    age = analysed()["numbers"]["age"]
    assert age["n"] == 3
    assert age["pairs"] == [[30, 30], [40, 34], [50, 70]]
    assert age["mae"] == pytest.approx((0 + 6 + 20) / 3)
    assert age["mae_expectation"] == pytest.approx((12 + 6.8 + 20) / 3)
    assert age["mae_mode"] == pytest.approx((0 + 20 + 20) / 3)
    assert age["mae_sampled"] == pytest.approx((12 + (8 + 1.8 + 3) + 20) / 3)
    assert age["training_mean"] == 30 and age["mae_training_mean"] == pytest.approx(10)
    assert age["cs5"] == pytest.approx(1 / 3)
    assert age["coverage80"] == pytest.approx(2 / 3)


def test_batches_do_not_matter():
    done = []
    whole, parts = analysed(), analysed(batch_size=3, progress=done.append)
    assert whole == parts and done == [3, 1]


def test_without_a_label_an_attribute_is_left_out():
    answers = [{"gender": [0.9, 0.1]}]
    result = evaluate.attributes(FakeModel(answers), numbered(1), [face("male")], SCHEMA, [])
    assert list(result["choices"]) == ["gender"] and result["numbers"] == {}
    assert result["choices"]["gender"]["majority"] is None and result["mean"]["majority_accuracy"] is None


def test_answers_of_one_face():
    probabilities = {"hat": np.array([1.0, 3.0]), "age": ages(a10=0.2, a30=0.35, a31=0.45)}
    assert answers_module.answers(probabilities, SCHEMA) == {
        "hat": {"value": "yes", "probability": 0.75},
        "age": {"value": 30, "low": 10, "high": 31},
    }


def test_calibration_by_hand():
    result = stats.calibration(np.array([0.95, 0.95, 0.55, 1.0]), np.array([1, 0, 1, 1]))
    assert [b["n"] for b in result["bins"]] == [1, 3]
    assert result["ece"] == pytest.approx(0.25 * 0.45 + 0.75 * abs(2.9 / 3 - 2 / 3))


def test_interval_is_deterministic_and_about_right():
    right = np.random.default_rng(0).random(400) < 0.7
    low, high = stats.interval(right, np.ones(400))
    assert [low, high] == stats.interval(right, np.ones(400))
    error = np.sqrt(right.mean() * (1 - right.mean()) / 400)
    assert low == pytest.approx(right.mean() - 1.96 * error, abs=0.01)
    assert high == pytest.approx(right.mean() + 1.96 * error, abs=0.01)


def test_reconstruction_by_hand():
    images = np.zeros((2, 2, 2, 3), np.uint8)
    images[0] = 10
    images[1, 0, 1] = 4  # code 0 first: comes back black; one pixel of four is off by 4
    result = reconstruction.reconstruction(FakeModel(), images, codebook_size=16)
    assert result["psnr"] == pytest.approx((100 + 10 * np.log10(255**2 / 4)) / 2)
    assert result["codes_used"] == 3 / 16  # 10, 10, 0, 4
    assert result["perplexity"] == pytest.approx(np.exp(0.5 * np.log(2) + 0.5 * np.log(4)))
    assert result["codes_per_image"] == 2 and result["psnr_mean_image"] < result["psnr"]


def test_captions_stand_beside_the_given_ones():
    rows = captions_module.captions(FakeModel(), numbered(2), [face(captions=["a man"]), face()], sampler="greedy")
    assert rows == [{"generated": "face 0 greedy", "given": ["a man"]}, {"generated": "face 1 greedy", "given": []}]


def test_requests_ask_what_is_true_of_a_face():
    fields = [face("male", "yes", 40), face("female", "no", 20), face("male", None, None), face()]
    asked = agreement.make_requests(fields, SCHEMA, 30, seed=5)
    assert asked == agreement.make_requests(fields, SCHEMA, 30, seed=5)
    assert asked[:10] == agreement.make_requests(fields, SCHEMA, 10, seed=5)
    assert asked != agreement.make_requests(fields, SCHEMA, 30, seed=6)
    assert {len(r) for r in asked} == {1, 2, 3}  # one face knows a single attribute
    assert all(any(r.items() <= f["attributes"].items() for f in fields) for r in asked)
    with pytest.raises(ValueError, match="no held-out face"):
        agreement.make_requests([face()], SCHEMA, 3, seed=0)


def test_an_obedient_model_beats_its_shuffled_requests():
    fields = [face("male", "yes", 40), face("female", "no", 20)]
    obedient = FakeModel(draws=lambda text, seed: RED if "yes" in text or " male" in text or "40" in text else BLUE)
    figures, records, images = agreement.requests(obedient, FakeJudge(), fields, SCHEMA, 10, 7, "sampler", batch_size=4)
    assert images.shape == (10, 2, 2, 3) and len(records) == 10
    assert [len(texts) for texts, _, _ in obedient.calls] == [4, 4, 2]
    assert [seed for _, seeds, _ in obedient.calls for seed in seeds] == list(range(7, 17))
    assert figures["requested_attributes_seen"] == 1.0 and figures["interval"] == [1.0, 1.0]
    assert figures["requested_attributes_shuffled"] == 0.0  # requests alternate between two opposite faces
    assert figures["numbers"]["age"]["mae"] == 0 and figures["numbers"]["age"]["mae_shuffled"] == 20
    assert all(r["asked"].items() >= r["judged"].items() for r in records)
    assert records[0]["seed"] == 7


def test_score_requests_by_hand():
    asked = [{"gender": "male", "hat": "yes"}, {"gender": "male"}, {"hat": "no", "age": 30}]
    judged = [{"gender": "male", "hat": "no"}, {"gender": "female", "hat": "no"}, {"gender": "male", "age": 33}]
    figures = agreement.score_requests(asked, judged, SCHEMA)
    assert figures["asked"] == 3  # the judge said nothing of the last one's hat
    assert figures["requested_attributes_seen"] == pytest.approx(1 / 3)
    assert figures["requested_attributes_shuffled"] == pytest.approx(3 / 3)
    assert figures["attributes"]["gender"] == {"n": 2, "seen": 0.5, "shuffled": 1.0, "balanced": 0.5}
    assert figures["numbers"]["age"]["mae"] == 3


def test_card_has_the_fixed_names_and_goes_through_json():
    attributes = analysed()
    asked = [{"gender": "male"}, {"gender": "female"}]
    requests = agreement.score_requests(asked, asked, SCHEMA)
    sources = {
        "real": {"attributes": attributes},
        "drawn": {"requests": requests, "judge_accuracy": {"gender": 0.9, "hat": 0.7, "age": 4.0}},
    }
    card = card_module.card(sources, 12.5, 1 << 30, {"split": "test"})
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert card["attribute_accuracy"] == attributes["mean"]["accuracy"]
    assert card["attribute_accuracy_majority"] == attributes["mean"]["majority_accuracy"]
    assert card["age_mae"] == attributes["numbers"]["age"]["mae"] and card["age_mae_mean"] == pytest.approx(10)
    assert card["requested_attributes_seen"] == 1 and card["requested_attributes_shuffled"] == 0
    assert card["judge_accuracy"] == pytest.approx(0.8)  # shares only: an age error is none
    assert card["seconds"] == 12.5 and card["peak_memory_bytes"] == 1 << 30
    assert card["figures_from"]["judge_accuracy"] == "drawn" and card["figures_from"]["age_mae"] == "real"
    assert (
        "pairs" not in card["sources"]["real"]["attributes"]["numbers"]["age"]
        and "pairs" in attributes["numbers"]["age"]
    )


def test_card_without_measurements_has_nulls():
    card = card_module.card({}, 1, 2, {})
    assert card["age_mae"] is None and card["judge_accuracy"] is None and card["sources"] == {}
