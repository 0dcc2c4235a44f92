"""How pictures are read: one view or two, captions of words or of answers."""

import dataclasses

import numpy as np
import pytest
import small_model

from t2f_jax.config.schema import ReadingConfig
from t2f_jax.errors import UserError, WrongArgument
from t2f_jax.inference import reading
from t2f_jax.inference.model import Model
from t2f_jax.tokens.attributes import Attribute

SCHEMA = (
    Attribute("gender", ("male", "female")),
    Attribute("eyeglasses", ("no", "yes")),
    Attribute("age", low=1, high=90),
    Attribute("shoe size", low=20, high=50),
)


@pytest.fixture(scope="module")
def model():
    return small_model.make()


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)


def told(model, **settings):
    """The model, with these keys of `eval` in its provenance."""
    return Model(dataclasses.replace(model.bundle, provenance={"config": {"eval": settings}}))


def answers(gender, glasses, **years):
    age = np.zeros(90)
    for year, share in years.items():
        age[int(year[1:]) - 1] = share
    return {"gender": np.array(gender), "eyeglasses": np.array(glasses), "age": age, "shoe size": np.ones(31) / 31}


def test_two_views_give_the_mean_of_their_answers(model, images):
    one = model.answers(images)
    other = model.answers(images[:, :, ::-1])
    both = model.answers(images, reading=ReadingConfig(mirror=True))
    again = told(model, mirror=True).answers(images)
    for face in range(3):
        for name, mean in both[face].items():
            np.testing.assert_allclose(mean, (one[face][name] + other[face][name]) / 2, atol=1e-6)
            np.testing.assert_array_equal(mean, again[face][name])
            assert mean.sum() == pytest.approx(1)
    assert any(abs(one[0][name] - both[0][name]).max() > 1e-6 for name in both[0])
    records = told(model, mirror=True).analyze_images(images, ["gender"])
    assert records[0]["gender"]["probabilities"]["male"] == pytest.approx(both[0]["gender"][0])


def test_a_fact_is_likely_enough_or_it_is_left_out():
    face = answers([0.3, 0.7], [0.45, 0.55], y20=0.3, y30=0.3, y50=0.4)
    assert reading.likely_facts(face, SCHEMA, 0.5) == {"gender": "female", "eyeglasses": "yes", "age": "18-35"}
    assert reading.likely_facts(face, SCHEMA, 0.6) == {"gender": "female", "age": "18-35"}
    assert reading.likely_facts(face, SCHEMA, 0.7) == {"gender": "female"}
    assert reading.likely_facts(face, SCHEMA, 0.71) == {}
    assert reading.likely_facts({"gender": face["gender"]}, SCHEMA, 0.5) == {"gender": "female"}


def test_captions_of_answers_say_the_likely_facts_once(model, images):
    faces = [
        answers([0.9, 0.1], [0.2, 0.8], y70=1.0),
        answers([0.5, 0.5], [0.9, 0.1], y2=1.0),
        answers([0.1, 0.9], [0.5, 0.5], y10=0.4, y15=0.3, y40=0.3),
    ]
    knowing = told(model, captions="answers", least_probability=0.6)
    knowing.schema = SCHEMA
    knowing.probabilities = lambda codes, attributes, batch_size: faces[: len(codes)]
    said = ["An elderly man with glasses.", "A little baby.", "A woman."]
    assert knowing.describe(images) == said and knowing.caption(list(images)) == said


def test_words_are_the_default_and_a_sampler_draws_words(model, images):
    words = model.describe_codes(model.encode(images))
    pictures = model.encode(model.images(list(images)))
    assert model.describe(images) == words and model.caption(list(images)) == model.describe_codes(pictures)
    knowing = told(model, captions="answers")
    assert knowing.describe(images, ReadingConfig()) == words
    seeds = [1, 2, 3]
    assert knowing.caption(list(images), seeds=seeds) == model.describe_codes(pictures, seeds)
    assert model.reading == ReadingConfig() and knowing.reading == ReadingConfig(captions="answers")


def test_codes_that_are_known_are_those_of_the_images(model, images):
    codes = model.encode(images)
    assert model.describe(images, codes=codes) == model.describe(images)
    for call in (model.answers, model.describe):
        with pytest.raises(WrongArgument, match="rows of codes"):
            call(images, codes=codes[:2])


def test_a_wrong_way_to_read_is_named(model):
    with pytest.raises(UserError, match=r"provenance\.json.*eval\.captions"):
        told(model, captions="poems").reading  # noqa: B018
