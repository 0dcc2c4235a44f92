"""The engine in all its ways against whole forward passes; grammars hold whatever the weights say."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import plain_decoding
import pytest
from plain_decoding import CONFIG, VOCAB
from spelling import Letters, accepts

from t2f_jax.inference import decoding, engine, grammar, scoring
from t2f_jax.inference.sampler import Sampler
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.params import init_decoder
from t2f_jax.tokens import sequence
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.templates import ATTRIBUTE_PROMPT

PLAIN = pathlib.Path(plain_decoding.__file__)


def test_some_prompts_decode_as_by_whole_forward_passes():
    for way, (wrong, ties, count) in plain_decoding.compare(16, longest=30).items():
        assert wrong == 0 and ties <= 0.005 * count, way


@pytest.mark.slow
def test_a_thousand_prompts_decode_as_by_whole_forward_passes():
    flags = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    command = [sys.executable, str(PLAIN), "1000"]
    done = subprocess.run(command, env=os.environ | flags, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    print(told)
    assert set(told) >= {"grouped", *plain_decoding.MESHES}
    for way, (wrong, ties, count) in told.items():
        assert wrong == 0 and ties <= 0.005 * count, way


TOK = Letters()
ATTRIBUTES = (
    Attribute("hat", ("no", "yes")),
    Attribute("hair", ("red", "red brown", "grey")),
    Attribute("age", (), 7, 23),
)


def wild(seed, weight_groups=2):
    """An engine whose weights are large: it would say anything."""
    config = dataclasses.replace(CONFIG, layers=1, init_std=2.0)
    decoder = Decoder(config, VOCAB.size)
    params = init_decoder(decoder, jax.random.PRNGKey(seed))
    return engine.prepare(decoder, params, VOCAB, weight_groups=weight_groups)


def test_no_weights_make_it_emit_an_id_of_the_wrong_kind():
    spans = [grammar.image(VOCAB, 5), grammar.text(VOCAB, 7), *(grammar.answer(VOCAB, TOK, a) for a in ATTRIBUTES)]
    rng = np.random.default_rng(0)
    emitted = {span: set() for span in spans}
    for seed in range(3):
        made = wild(seed)
        requests = [
            decoding.Request((rng.integers(0, VOCAB.size, rng.integers(1, 30)).tolist(),), spans[i % len(spans)], i)
            for i in range(60)
        ]
        for sampler in (Sampler(temperature=50.0), Sampler(temperature=0.0)):
            for request, ids in zip(requests, decoding.generate(made, requests, sampler)):
                whole = list(ids) if request.grammar.image else [*ids, VOCAB.sep][: request.grammar.length]
                assert accepts(request.grammar, VOCAB, whole), (ids, spans.index(request.grammar))
                emitted[request.grammar].add(tuple(ids))
    numbers = {"".join("0123456789"[i - 30] for i in ids[3:]) for ids in emitted[spans[-1]]}
    assert numbers <= {str(n) for n in range(7, 24)} and len(numbers) > 5
    assert len(emitted[spans[3]]) == 3  # all three colours of hair were said


def test_scores_are_the_odds_of_what_is_drawn():
    made, codes = wild(5), np.array([1, 2, 3, 4])
    prefix = sequence.image_prefix(VOCAB, TOK, ATTRIBUTE_PROMPT, codes)
    attribute = ATTRIBUTES[1]
    (told,) = scoring.score_attributes(made, TOK, [prefix], [attribute])
    span = grammar.answer(VOCAB, TOK, attribute)
    drawn = decoding.generate(made, [decoding.Request((prefix,), span, seed) for seed in range(512)], Sampler())
    paths = [tuple(p[:-1]) for p in grammar.answer_paths(VOCAB, TOK, attribute)]
    shares = [np.mean([tuple(d) == path for d in drawn]) for path in paths]
    np.testing.assert_allclose(shares, told["hair"], atol=0.08)
    assert told["hair"].sum() == pytest.approx(1)


def test_given_ids_stand_where_they_were_given():
    made, span = wild(6), grammar.image(VOCAB, 6)
    given = [-1, VOCAB.text_size + 3, -1, VOCAB.text_size, -1, -1]
    requests = [decoding.Request(([2, 5, 3],), span, seed, imposed=given if seed else ()) for seed in range(4)]
    rows = decoding.generate(made, requests, Sampler(temperature=5.0))
    for ids in rows[1:]:
        assert ids[1] == given[1] and ids[3] == given[3] and accepts(span, VOCAB, ids)
    assert len({tuple(ids) for ids in rows}) == 4
    with pytest.raises(ValueError, match="imposed"):
        decoding.generate(made, [decoding.Request(([2, 5, 3],), span, 0, imposed=[5])], Sampler())
    with pytest.raises(ValueError, match="weight"):
        decoding.generate(made, [decoding.Request(([2], [3]), span)], Sampler())
