"""What a span may hold, one automaton alone and several in one."""

import numpy as np
from spelling import Letters, accepts

from t2f_jax.inference import grammar
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.vocab import Vocab

VOCAB = Vocab(text_size=40, image_size=24)
TOK = Letters()
AGE = Attribute("age", (), 7, 23)
HAT = Attribute("hat", ("no", "yes"))


def test_what_grammars_refuse():
    image, text, age = grammar.image(VOCAB, 3), grammar.text(VOCAB, 4), grammar.answer(VOCAB, TOK, AGE)
    code, sep = VOCAB.text_size, VOCAB.sep
    assert accepts(image, VOCAB, [code, code + 23, code]) and not accepts(image, VOCAB, [code, code])
    assert not accepts(image, VOCAB, [code, 5, code]) and not accepts(image, VOCAB, [code] * 4)
    assert accepts(text, VOCAB, [5, sep]) and accepts(text, VOCAB, [5, 5, 5, 5]) and not accepts(text, VOCAB, [5, 5])
    assert not accepts(text, VOCAB, [5, VOCAB.cls, sep]) and not accepts(text, VOCAB, [5, sep, 5])
    for said, right in (("age7", True), ("age17", True), ("age24", False), ("age2", False), ("hat7", False)):
        assert accepts(age, VOCAB, [*TOK.encode(said), sep]) == right, said


def test_a_union_gives_every_row_its_own_rules():
    parts = grammar.answer(VOCAB, TOK, AGE), grammar.answer(VOCAB, TOK, HAT), grammar.image(VOCAB, 3)
    merged, starts = grammar.union(VOCAB, parts)
    known = merged.ids(VOCAB)
    for part, start in zip(parts, starts):
        allowed = known[merged.allowed_SxU[start]]
        np.testing.assert_array_equal(allowed, part.ids(VOCAB)[part.allowed_SxU[part.start]])
    assert merged.image and merged.length == max(part.length for part in parts)
    assert grammar.union(VOCAB, parts[:1]) == (parts[0], (parts[0].start,))


def test_a_union_with_a_text_knows_every_text_id():
    merged, _ = grammar.union(VOCAB, (grammar.text(VOCAB, 4), grammar.answer(VOCAB, TOK, AGE)))
    assert merged.text is None and not merged.image and len(merged.ids(VOCAB)) == VOCAB.text_size
