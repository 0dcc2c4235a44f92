import pytest
from fake_model import BLUE, RED, SCHEMA, FakeJudge, FakeModel, face

from t2f_jax.evaluation.agreement import (
    draw,
    faces_of_requests,
    judgements,
    make_requests,
    measure_agreement,
    measure_unasked,
    prompts_of,
    score_requests,
)
from t2f_jax.evaluation.chunks import Desk
from t2f_jax.evaluation.interfaces import Trial
from t2f_jax.inference.sampler import Sampler
from t2f_jax.tokens.attributes import Attribute


def test_requests_ask_what_is_true_of_a_face():
    fields = [face("male", "yes", 40), face("female", "no", 20), face("male", None, None), face()]
    asked = make_requests(fields, SCHEMA, 30, seed=5)
    assert asked == make_requests(fields, SCHEMA, 30, seed=5)
    assert asked[:10] == make_requests(fields, SCHEMA, 10, seed=5)
    assert asked != make_requests(fields, SCHEMA, 30, seed=6)
    assert {len(r) for r in asked} == {1, 2, 3}  # one face knows a single attribute
    assert all(any(r.items() <= f["attributes"].items() for f in fields) for r in asked)
    with pytest.raises(ValueError, match="no held-out face"):
        make_requests([face()], SCHEMA, 3, seed=0)


def test_an_obedient_model_beats_its_shuffled_requests(tmp_path):
    fields = [face("male", "yes", 40), face("female", "no", 20)]
    obedient = FakeModel(draws=lambda text, seed: RED if "yes" in text or " male" in text or "40" in text else BLUE)
    trial = Trial(obedient, FakeJudge(), make_requests(fields, SCHEMA, 10, 7), SCHEMA, 7, Sampler())
    drawn = draw(trial, Desk(tmp_path, batch_size=4), "drawing")
    figures, judged = measure_agreement(trial, drawn), list(judgements(drawn.texts("judged")))
    assert drawn.column("codes").shape == (10, 2) and len(judged) == len(prompts_of(trial)) == 10
    assert [len(texts) for texts, _, _ in obedient.calls] == [4, 4, 2]
    assert [seed for _, seeds, _ in obedient.calls for seed in seeds] == list(range(7, 17))
    assert figures["requested_attributes_seen"] == 1.0 and figures["interval"] == [1.0, 1.0]
    assert figures["requested_attributes_shuffled"] == 0.0  # requests alternate between two opposite faces
    assert figures["numbers"]["age"]["mae"] == 0 and figures["numbers"]["age"]["mae_shuffled"] == 20
    assert all(seen["age"] in (20, 40) for seen in judged)


def test_score_requests_by_hand():
    asked = [{"gender": "male", "hat": "yes"}, {"gender": "male"}, {"hat": "no", "age": 30}]
    judged = [{"gender": "male", "hat": "no"}, {"gender": "female", "hat": "no"}, {"gender": "male", "age": 33}]
    figures = score_requests(asked, judged, SCHEMA)
    assert figures["asked"] == 3  # the judge said nothing of the last one's hat
    assert figures["requested_attributes_seen"] == pytest.approx(1 / 3)
    assert figures["requested_attributes_shuffled"] == pytest.approx(3 / 3)
    assert figures["attributes"]["gender"] == {"n": 2, "seen": 0.5, "shuffled": 1.0, "balanced": 0.5}
    assert figures["numbers"]["age"]["mae"] == 3


def test_what_nobody_asked_for_is_held_against_the_faces_behind_the_requests():
    hat = Attribute("hat", ("no", "yes"))
    requests = [{"gender": "male"}, {"hat": "yes"}, {"gender": "male"}, {"gender": "female"}, {"gender": "male"}]
    labels = [{"hat": value} for value in ("yes", "yes", "no", "no", "yes")]
    judged = [{"hat": value} for value in ("no", "yes", "no", "no", "yes")]
    found = measure_unasked(requests, judged, labels, [hat])
    assert found and found["attributes"]["hat"]["n"] == 4
    assert found["attributes"]["hat"]["labels"] == {"no": 0.5, "yes": 0.5}
    assert found["attributes"]["hat"]["judged"] == {"no": 0.75, "yes": 0.25}
    assert found["drift"] == found["attributes"]["hat"]["drift"] == 0.25
    same = measure_unasked(requests, labels, labels, [hat])
    assert same and same["drift"] == 0
    assert measure_unasked([{"hat": "yes"}], [{"hat": "yes"}], [{"hat": "yes"}], [hat]) is None


def test_the_faces_behind_requests_have_what_was_requested():
    fields = [face("male" if i % 2 else "female", "yes" if i % 3 else "no", 20 + i) for i in range(12)]
    requests, faces = (make(fields, SCHEMA, 20, 3) for make in (make_requests, faces_of_requests))
    assert all(request.items() <= known.items() for request, known in zip(requests, faces, strict=True))
