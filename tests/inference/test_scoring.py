"""The token tree against one forward pass for each candidate."""

import dataclasses

import jax
import numpy as np
import pytest
from spelling import Letters

from t2f_jax.config.schema import DecoderConfig
from t2f_jax.errors import UserError
from t2f_jax.inference import engine, scoring
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.params import init_decoder
from t2f_jax.tokens import sequence
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.templates import ATTRIBUTE_PROMPT, attribute_question
from t2f_jax.tokens.vocab import Vocab

VOCAB = Vocab(text_size=40, image_size=8)
ATTRIBUTES = (
    Attribute("hat", ("no", "yes")),
    Attribute("hair color", ("red", "red brown", "black")),  # one answer is the start of another
    Attribute("age", low=8, high=12),
)
RANGED = Attribute("age", (), 8, 12, ("8-9", "10+"))

TOK = Letters()
PREFIXES = [
    sequence.image_prefix(VOCAB, TOK, ATTRIBUTE_PROMPT, np.array(codes))
    for codes in ([0, 1, 2, 3], [7, 7, 7, 7], [5] * 22, [3, 1])
]


def model(stacked=False, **changes):
    config = DecoderConfig(layers=2, width=16, heads=2, mlp=16, max_length=64, init_std=0.4)
    decoder = Decoder(dataclasses.replace(config, **changes), VOCAB.size, stacked=stacked)
    return decoder, jax.jit(init_decoder, static_argnums=0)(decoder, jax.random.PRNGKey(2))


@pytest.mark.parametrize("changes", [{}, {"mask": "causal", "positions": "rotary", "stacked": True}])
def test_equals_brute_force(changes):
    decoder, params = model(**changes)
    apply = jax.jit(decoder.apply)

    def brute(prefix, attribute):
        """One forward pass for each candidate, each of its ids among those with which some candidate goes on."""
        question = TOK.encode(attribute_question(attribute.name))
        answers = [[*TOK.encode(text), VOCAB.sep] for text in attribute.answers()]
        probs = []
        for answer in answers:
            ids = [*prefix, *question, *answer]
            start = len(prefix) + len(question)
            arrays = np.zeros((3, 1, 64), np.int32)
            arrays[0, 0, : len(ids)], arrays[2, 0] = ids, np.arange(64)
            arrays[1, 0, : len(ids)] = [1] * len(prefix) + [2] * (len(ids) - len(prefix))
            odds = np.exp(np.asarray(apply({"params": params}, *arrays)[0], np.float64))
            prob = 1.0
            for i, token in enumerate(answer):
                options = {other[i] for other in answers if other[:i] == answer[:i]}
                prob *= odds[start + i - 1, token] / odds[start + i - 1, sorted(options)].sum()
            probs.append(prob)
        assert sum(probs) == pytest.approx(1)
        return probs

    results = scoring.score_attributes(engine.prepare(decoder, params, VOCAB), TOK, PREFIXES, ATTRIBUTES)
    for prefix, found in zip(PREFIXES, results):
        assert list(found) == ["hat", "hair color", "age"]
        for attribute in ATTRIBUTES:
            np.testing.assert_allclose(found[attribute.name], brute(prefix, attribute), rtol=1e-4)
            np.testing.assert_allclose(found[attribute.name].sum(), 1)


def test_the_tree_shares_what_is_common():
    tree = scoring.tree(VOCAB, TOK, ATTRIBUTES)
    assert tree is scoring.tree(VOCAB, TOK, ATTRIBUTES)
    words = ["hat", "haircolor", "haircolorred", "age", "age1"]  # behind each of them there is a choice: age 8, 9 or 1.
    assert len(tree.tokens_N) == len({w[:n] for w in words for n in range(1, len(w) + 1)})
    assert len(tree.choices_K) == len(words)
    assert tree.real_CxS.sum(1).tolist() == [1, 1, 2, 2, 1, 1, 1, 2, 2, 2]
    assert tree.ends == (2, 5, 10)


def test_questions_do_not_disturb_one_another():
    decoder, params = model()
    together = scoring.score_attributes(engine.prepare(decoder, params, VOCAB), TOK, PREFIXES[:1], ATTRIBUTES)[0]
    for attribute in ATTRIBUTES[:2]:
        alone = scoring.score_attributes(engine.prepare(decoder, params, VOCAB), TOK, PREFIXES[:1], [attribute])[0]
        np.testing.assert_allclose(alone[attribute.name], together[attribute.name], rtol=1e-4)


def test_the_numbers_of_a_range_share_its_probability():
    decoder, params = model()
    made = engine.prepare(decoder, params, VOCAB)
    (found,) = scoring.score_attributes(made, TOK, PREFIXES[:1], [RANGED])
    (labels,) = scoring.score_attributes(made, TOK, PREFIXES[:1], [Attribute("age", RANGED.labels())])
    p = labels["age"]  # the same answers as a choice: the numbers, then the ranges
    np.testing.assert_allclose(found["age"][:2], p[:2] + p[5] / 2, rtol=1e-6)
    np.testing.assert_allclose(found["age"][2:], p[2:5] + p[6] / 3, rtol=1e-6)


def test_score_text_is_the_chain_rule():
    decoder, params = model()
    answer = [*TOK.encode("abc"), VOCAB.sep]
    one, two, three = scoring.score_text(
        engine.prepare(decoder, params, VOCAB), [PREFIXES[0], PREFIXES[0], PREFIXES[2]], [answer] * 3
    )
    assert one == pytest.approx(two) and one < 0 and one != pytest.approx(three, abs=1e-3)
    # all continuations of one id share the probability 1
    allowed = np.flatnonzero(VOCAB.text_allowed())
    singles = scoring.score_text(
        engine.prepare(decoder, params, VOCAB), [PREFIXES[0]] * len(allowed), [[a] for a in allowed]
    )
    assert np.exp(singles).sum() == pytest.approx(1, abs=1e-4)
    images = range(VOCAB.text_size, VOCAB.size)
    singles = scoring.score_text(
        engine.prepare(decoder, params, VOCAB), [PREFIXES[0]] * 8, [[i] for i in images], kind="image"
    )
    assert np.exp(singles).sum() == pytest.approx(1, abs=1e-4)


def test_too_long():
    decoder, params = model(max_length=32)
    with pytest.raises(UserError, match="exceeds the model's 32 positions"):
        scoring.score_attributes(engine.prepare(decoder, params, VOCAB), TOK, PREFIXES, ATTRIBUTES)
    assert scoring.score_attributes(engine.prepare(decoder, params, VOCAB), TOK, [], ATTRIBUTES) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_a_model_that_computes_nan_says_so(value):
    decoder, params = model()
    params["layer_1"]["mlp"]["down"]["kernel"] *= value
    made = engine.prepare(decoder, params, VOCAB)
    with pytest.raises(UserError, match="the model computes NaN"):
        scoring.score_attributes(made, TOK, PREFIXES, ATTRIBUTES)
    with pytest.raises(UserError, match="the model computes NaN"):
        scoring.score_text(made, PREFIXES[:1], [[*TOK.encode("abc"), VOCAB.sep]])
    assert scoring.score_text(engine.prepare(*model(), VOCAB), PREFIXES[:1], [[VOCAB.unk]]) == [-np.inf]


@pytest.mark.parametrize("changes", [{}, {"mask": "causal", "positions": "rotary"}])
def test_face_features_are_the_mean_of_the_last_layer_over_the_codes(changes):
    decoder, params = model(**changes)
    found = scoring.face_features(engine.prepare(decoder, params, VOCAB), PREFIXES)
    assert found.shape == (len(PREFIXES), 16)
    for prefix, features in zip(PREFIXES, found):
        ids, ones = np.array([prefix], np.int32), np.ones((1, len(prefix)), np.int32)
        hidden = decoder.apply({"params": params}, ids, ones, np.arange(len(prefix))[None], method="hidden")
        np.testing.assert_allclose(features, hidden[0, ids[0] >= VOCAB.image_span[0]].mean(0), atol=1e-5)
