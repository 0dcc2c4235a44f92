"""Plain captions: each fact once, the most telling first, the same words for the same labels."""

import numpy as np

from t2f_jax.data.datasets import celeba, utkface
from t2f_jax.data.datasets.synthetic import labels
from t2f_jax.tokens import captions, facts
from t2f_jax.tokens.plain_captions import plain_caption


def drawn(schema, seed):
    rng = np.random.default_rng(seed)
    return {a.name: a.values[rng.integers(len(a.values))] if a.values else int(rng.integers(a.high)) for a in schema}


def test_the_words_of_a_few_faces():
    lady = {"gender": "female", "smiling": "yes", "blond hair": "yes", "wavy hair": "yes", "young": "yes"}
    lady |= {"wearing earrings": "yes", "wearing hat": "no", "pointy nose": "yes", "attractive": "yes"}
    assert plain_caption(lady) == (
        "An attractive young woman with wavy blond hair and a pointy nose, smiling and wearing earrings."
    )
    assert plain_caption({"age": 71, "gender": "male", "ethnicity": "asian"}) == "An elderly Asian man."
    assert plain_caption({"age": 40, "gender": "female", "ethnicity": "other"}) == "A woman."
    assert plain_caption({"age": 1, "gender": "male"}) == "A little baby boy."
    assert plain_caption({}) == "A person."


def test_every_fact_stands_once_and_is_true():
    said = stated = positive = 0
    for schema in (celeba.SCHEMA, utkface.SCHEMA, labels.SCHEMA):
        for seed in range(100):
            face = drawn(schema, seed)
            caption = plain_caption(face)
            compared = facts.compare(caption, face)
            assert not compared.wrong and not compared.repeats, caption
            assert len(caption.split()) <= captions.MAX_WORDS
            assert plain_caption(dict(reversed(face.items()))).split()[:2] == caption.split()[:2]
            said += compared.right
            stated += compared.positive
            positive += compared.positive + compared.missing
    assert said and stated > 0.6 * positive  # labels drawn at random name 20 facts of a face, more than a caption holds
