"""Tasks of several people give what the model gives each alone."""

import numpy as np
import pytest

from t2f_jax.demo import asking, work
from t2f_jax.demo.asking import Analyze, Describe
from t2f_jax.demo.limits import Limits


@pytest.fixture(scope="module")
def worker(model):
    return work.Worker(model)


@pytest.fixture(autouse=True)
def few_sizes(monkeypatch):
    monkeypatch.setattr(work, "SIZES", (4,))
    monkeypatch.setattr(work, "LOOK_EVERY", 0.0)


def ask(model, text, n, seed, best_of=0):
    return asking.faces(model, Limits(), text, [], [], n, best_of, seed, None)


def test_faces_of_two_people_are_those_of_the_model(model, worker):
    asks = [ask(model, "a man", 1, 5), ask(model, "a man with glasses", 1, 7, best_of=2)]
    looked = [], []
    tasks = [work.task(a, seen.append) for a, seen in zip(asks, looked)]
    assert tasks[0].key == tasks[1].key
    first, second = worker(tasks)
    assert [np.asarray(face).tolist() for face in first] == [
        np.asarray(face).tolist() for face in model.generate("a man", seed=5)
    ]
    (best,) = model.generate("a man with glasses", n=2, keep=1, seed=7)
    assert second[0].info["seed"] == best.info["seed"]
    np.testing.assert_array_equal(np.asarray(second[0]), np.asarray(best))
    for seen, n in zip(looked, (1, 2)):
        shares, faces = zip(*seen)
        assert shares == (0.25, 0.5, 0.75, 1.0)
        assert {len(some) for some in faces} == {n}
    assert (looked[0][1][1][0][8:] == 128).all()


def test_others_samplers_are_drawn_apart(model):
    some = work.task(ask(model, "a man", 1, 5))
    hotter = asking.faces(model, Limits(), "a man", [], [], 1, 0, 5, 3.0)
    assert work.task(hotter).key == some.key  # guidance belongs to a row
    assert work.task(Describe(np.zeros((16, 16, 3), np.uint8), 1, 0)).key != some.key


def test_faces_are_described_and_measured_as_by_the_model(model, worker):
    codes = model.generate_codes(["a man"] * 2, [0, 1])
    faces = model.decode(codes)
    codes = model.encode(faces)
    greedy = worker([work.task(Describe(face, 1, 0)) for face in faces])
    assert [told[0].text for told in greedy] == model.describe_codes(codes)
    assert worker([work.task(Describe(face, 3, 2)) for face in faces]) == model.caption_codes(codes, 3, seed=2)
    answers = worker([work.task(Analyze(face, names)) for face, names in zip(faces, (("age",), ("gender", "glasses")))])
    assert [[*face] for face in answers] == [["age"], ["gender", "glasses"]]
    right = model.analyze_codes(codes)
    assert answers == [{"age": right[0]["age"]}, {name: right[1][name] for name in ("gender", "glasses")}]
