"""Cached decoding against decoding by whole forward passes, and what a sampler may draw."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.config.schema import DecoderConfig
from t2f_jax.errors import UserError
from t2f_jax.inference import decoding, decoding_program, engine, grammar
from t2f_jax.inference.sampler import Sampler
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.params import init_decoder
from t2f_jax.tokens.sequence import image_index
from t2f_jax.tokens.vocab import Vocab

VOCAB = Vocab(text_size=12, image_size=9)
TINY = DecoderConfig(layers=2, width=16, heads=2, mlp=16, max_length=64, init_std=0.4)
PREFIXES = [[2, 5, 6, 3], [2, 4, 3], [2, *range(4, 12), *range(12, 21), *range(12, 21), *range(4, 12), 3], [2, 11, 3]]
SEEDS = [7, 8, 9, 10]
WORDLESS = [2, 5, 3, 3]
VARIANTS = [
    {},
    {"mask": "causal", "norm": "talk2face", "stacked": True},
    {"positions": "rotary", "norm": "rmsnorm", "tie": True, "segments": False, "bias": False},
]


def model(changes):
    changes = dict(changes)
    stacked = changes.pop("stacked", False)
    decoder = Decoder(dataclasses.replace(TINY, **changes), VOCAB.size, stacked=stacked)
    return decoder, jax.jit(init_decoder, static_argnums=0)(decoder, jax.random.PRNGKey(1))


def generate(decoder, params, vocab, prefixes, kind, length, sampler, seeds, wordless=(), groups=2, cache=None):
    span = grammar.image(vocab, length) if kind == "image" else grammar.text(vocab, length)
    requests = [
        decoding.Request(variants, span, seed, weights)
        for prefix, seed in zip(prefixes, seeds, strict=True)
        for variants, weights in [decoding.guided([(prefix, sampler.guidance)], wordless)]
    ]
    made = engine.prepare(decoder, params, vocab, weight_groups=groups)
    return decoding.generate(dataclasses.replace(made, cache=cache or made.cache), requests, sampler)


def slowly(decoder, params, kind, length, sampler):
    """Every id by a whole forward pass over prefix and answer so far, from the definition of the model."""
    width = max(map(len, (*PREFIXES, WORDLESS))) + length
    first, count = VOCAB.image_span if kind == "image" else VOCAB.text_span

    @jax.jit
    def forward(ids, segments, positions, last):
        return decoder.apply({"params": params}, ids, segments, positions)[0, last, first : first + count]

    def logits(prefix, answer):
        ids = [*prefix, *answer]
        arrays = np.zeros((3, 1, width), np.int32)
        arrays[0, 0, : len(ids)], arrays[2, 0] = ids, np.arange(width)
        if at := decoder.config.image_position:
            index = image_index(VOCAB, prefix)
            arrays[2, 0, index:] += at - index
        arrays[1, 0, : len(ids)] = [1] * len(prefix) + [2] * len(answer)
        return forward(*arrays, len(ids) - 1)

    rows = []
    for prefix, seed in zip(PREFIXES, SEEDS):
        answer = []
        while len(answer) < length:
            row = logits(prefix, answer)
            if sampler.guidance != 1:
                row = (1 - sampler.guidance) * logits(WORDLESS, answer) + sampler.guidance * row
            if kind == "text":
                row = jnp.where(VOCAB.text_allowed(), row, -jnp.inf)
            key = jax.random.fold_in(jax.random.PRNGKey(seed), len(answer))
            token = first + int(sampler(key[None], row[None])[0])
            if token == VOCAB.sep and kind == "text":
                break
            answer.append(token)
        rows.append(answer)
    return rows


@pytest.mark.parametrize("changes", VARIANTS)
def test_cached_decoding_equals_whole_forward_passes(changes):
    decoder, params = model(changes)
    for kind, sampler in (("image", Sampler(temperature=0)), ("text", Sampler(temperature=1.2, top_p=0.95))):
        rows = generate(decoder, params, VOCAB, PREFIXES, kind, 6, sampler, SEEDS)
        assert [r.tolist() for r in rows] == slowly(decoder, params, kind, 6, sampler)


def test_guided_decoding_equals_whole_forward_passes():
    decoder, params = model({})
    for sampler in (Sampler(guidance=3.0), Sampler(guidance=0.5, temperature=0)):
        rows = generate(decoder, params, VOCAB, PREFIXES, "image", 6, sampler, SEEDS, WORDLESS)
        assert [r.tolist() for r in rows] == slowly(decoder, params, "image", 6, sampler)
    bare = generate(decoder, params, VOCAB, [WORDLESS] * 4, "image", 6, Sampler(), SEEDS)
    none = generate(decoder, params, VOCAB, PREFIXES, "image", 6, Sampler(guidance=0.0), SEEDS, WORDLESS)
    np.testing.assert_array_equal(bare, none)  # words that count for nothing


def test_spans():
    decoder, params = model({})
    images = generate(decoder, params, VOCAB, PREFIXES, "image", 6, Sampler(), SEEDS)
    assert all(len(row) == 6 and VOCAB.codes(row).min() >= 0 for row in images)
    texts = generate(decoder, params, VOCAB, PREFIXES * 4, "text", 6, Sampler(temperature=3.0), list(range(16)))
    drawn = np.concatenate(texts)
    assert set(drawn.tolist()) <= set(range(4, 12)) and len(set(map(len, texts))) > 1  # some stopped at [SEP]


def test_a_row_does_not_know_its_batch():
    decoder, params = model({})
    rows = generate(decoder, params, VOCAB, PREFIXES, "image", 6, Sampler(), SEEDS)
    alone = generate(decoder, params, VOCAB, PREFIXES[1:2], "image", 6, Sampler(), SEEDS[1:2])
    np.testing.assert_array_equal(rows[1], alone[0])
    turned = generate(decoder, params, VOCAB, PREFIXES[::-1], "image", 6, Sampler(), SEEDS[::-1])
    np.testing.assert_array_equal(np.stack(rows), np.stack(turned[::-1]))
    other = generate(decoder, params, VOCAB, PREFIXES, "image", 6, Sampler(), [s + 100 for s in SEEDS])
    assert (np.stack(rows) != np.stack(other)).any()


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_prefix_that_all_rows_share_gives_what_each_row_gives_alone(guidance):
    decoder, params = model({})
    sampler, count = Sampler(guidance=guidance), 5
    together = generate(
        decoder, params, VOCAB, PREFIXES[:1] * count, "image", 8, sampler, range(count), wordless=WORDLESS
    )
    for seed, row in enumerate(together):
        (alone,) = generate(decoder, params, VOCAB, PREFIXES[:1], "image", 8, sampler, [seed], wordless=WORDLESS)
        assert row.tolist() == alone.tolist()
    assert len({tuple(row) for row in together}) == count


@pytest.mark.parametrize("groups", [0, 2])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("changes", VARIANTS)
def test_a_cache_in_parts_gives_what_one_in_one_piece_does(changes, shared, groups):
    decoder, params = model(changes)
    prefixes = PREFIXES[2:3] * 4 if shared else PREFIXES
    rows = []
    for slots in (64, 4):  # of a part; prefixes are 32 and 64 places wide, spans 22
        layout = engine.CacheLayout(3, slots, slots) if groups else engine.CacheLayout(3, 2 * slots, 0)
        rows.append(
            generate(decoder, params, VOCAB, prefixes, "image", 22, Sampler(), SEEDS, groups=groups, cache=layout)
        )
    np.testing.assert_array_equal(*map(np.stack, rows))


@pytest.mark.parametrize("shared", [False, True])
def test_ids_can_be_seen_while_they_are_drawn(shared):
    decoder, params = model({})
    made = engine.prepare(decoder, params, VOCAB)
    made = dataclasses.replace(made, cache=engine.CacheLayout(3, 8, 0))  # of four rows two stages
    span, prefixes = grammar.image(VOCAB, 22), PREFIXES[2:3] * 4 if shared else PREFIXES
    requests = [decoding.Request((p,), span, seed) for p, seed in zip(prefixes, SEEDS)]
    seen = {row: [] for row in range(4)}

    def tell(rows, ids):
        for row, some in zip(rows, ids, strict=True):
            seen[row].append(some)

    drawn = decoding.generate(made, requests, Sampler(), watch=decoding.Watch(5, tell))
    for row, ids in enumerate(decoding.generate(made, requests, Sampler())):
        np.testing.assert_array_equal(drawn[row], ids)
        assert {5, 15, 22} <= {*map(len, seen[row])}
        for some in seen[row]:
            np.testing.assert_array_equal(some, ids[: len(some)])


def test_a_repeated_call_compiles_nothing():
    decoder, params = model({})
    generate(decoder, params, VOCAB, PREFIXES, "image", 6, Sampler(), SEEDS)
    compiled = decoding_program.decode._cache_size()
    generate(model({})[0], params, VOCAB, [p[1:] for p in PREFIXES], "image", 6, Sampler(), [1, 2, 3, 4])
    assert decoding_program.decode._cache_size() == compiled


def test_refusals():
    decoder, params = model({})
    with pytest.raises(UserError, match="a row of 68 ids exceeds the model's 64 positions"):
        generate(decoder, params, VOCAB, [[2, 5, 6, 3]], "image", 64, Sampler(), [0])
    for seed in (-1, 2**32):
        with pytest.raises(UserError, match="must be a whole number from 0 to 4294967295"):
            generate(decoder, params, VOCAB, PREFIXES[:1], "image", 4, Sampler(), [seed])
    assert generate(decoder, params, VOCAB, [], "image", 4, Sampler(), []) == []


@pytest.mark.parametrize("sampler", [Sampler(), Sampler(temperature=0.0), Sampler(top_k=2, guidance=2.0)])
@pytest.mark.parametrize("where", [("embed", "word"), ("head", "weight"), ("final_norm", "scale")])
def test_a_model_that_computes_nan_says_so(where, sampler):
    decoder, params = model({})
    broken = {**params, where[0]: {**params[where[0]], where[1]: params[where[0]][where[1]].at[-1].set(np.nan)}}
    with pytest.raises(UserError, match="the model computes NaN"):
        generate(decoder, broken, VOCAB, [[2, VOCAB.size - 1, 3]], "image", 4, sampler, [0], WORDLESS)
