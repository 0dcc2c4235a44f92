"""Oracles for tests of answers: words spelled letter by letter, and acceptance by a grammar."""

import numpy as np

from t2f_jax.inference.grammar import END


class Letters:
    """A text encoder of single letters and digits, ids 4 to 39."""

    def encode(self, text):
        return [4 + "abcdefghijklmnopqrstuvwxyz0123456789".find(c) for c in text if c.isalnum()]


def accepts(grammar, vocab, ids):
    """Are `ids` a complete span, or one truncated at the grammar's `length`?"""
    known, state = grammar.ids(vocab), grammar.start
    for token in ids:
        place = int(np.searchsorted(known, token))
        if state == END or place == len(known) or known[place] != token or not grammar.allowed_SxU[state, place]:
            return False
        state = int(grammar.follow_SxU[state, place])
    return len(ids) == grammar.length or (state == END and len(ids) < grammar.length)
