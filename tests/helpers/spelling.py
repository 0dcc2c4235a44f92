"""Words spelled letter by letter, and what a grammar accepts: oracles for tests of answers."""

import numpy as np

from t2f_jax.inference.grammar import END


class Letters:
    """A text encoder: letters and digits one by one, ids 4 to 39."""

    def encode(self, text):
        return [4 + "abcdefghijklmnopqrstuvwxyz0123456789".find(c) for c in text if c.isalnum()]


def accepts(grammar, vocab, ids):
    """Are `ids` a whole span, or one cut at the grammar's `length`?"""
    known, state = grammar.ids(vocab), grammar.start
    for token in ids:
        place = int(np.searchsorted(known, token))
        if state == END or place == len(known) or known[place] != token or not grammar.allowed_SxU[state, place]:
            return False
        state = int(grammar.follow_SxU[state, place])
    return len(ids) == grammar.length or (state == END and len(ids) < grammar.length)
