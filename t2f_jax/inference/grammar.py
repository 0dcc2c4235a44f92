"""The ids that a span may hold: a small automaton for each task, used as a mask in the compiled decoding program.

    image     exactly n image codes                       o-code-> o ... (n times)
    text      text up to its [SEP]                        o-word-> o ... o-[SEP]-> end
    answer    a question, then one of its answers         o-age-> o-:-> o-3-> o-4-> o-[SEP]-> end
                                                                         `-[SEP]-> end

Axis legend: S states, U ids of the automaton (some text ids, then all image ids if it has images).
"""

import dataclasses
import functools

import numpy as np

from t2f_jax.tokens import sequence
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.sequence import Encoder
from t2f_jax.tokens.templates import attribute_question
from t2f_jax.tokens.vocab import Vocab

END = -1  # the state after a span's last id


@dataclasses.dataclass(frozen=True, eq=False)
class Grammar:
    """A finite automaton over ids. Compared by identity: the functions below make each only once.

    Attributes:
      length: largest number of ids of the span.
      text: its sorted text ids, int32; None for all of them, empty for none.
      image: whether it has the image ids.
      allowed_SxU: bool, ids that may come next.
      follow_SxU: int32, the state after an id, or `END`.
      start: the initial state.
    """

    length: int
    text: np.ndarray | None
    image: bool
    allowed_SxU: np.ndarray
    follow_SxU: np.ndarray
    start: int = 0

    def ids(self, vocab: Vocab) -> np.ndarray:
        """int32 [U]: the ids of the columns, ascending."""
        text = np.arange(vocab.text_size) if self.text is None else self.text
        image = vocab.text_size + np.arange(vocab.image_size if self.image else 0)
        return np.concatenate([text, image]).astype(np.int32)


_NO_TEXT = np.zeros(0, np.int32)


@functools.lru_cache(maxsize=64)
def image(vocab: Vocab, n: int) -> Grammar:
    """Exactly `n` image codes."""
    size = (1, vocab.image_size)
    return Grammar(n, _NO_TEXT, True, np.ones(size, bool), np.zeros(size, np.int32))


@functools.lru_cache(maxsize=64)
def text(vocab: Vocab, length: int) -> Grammar:
    """Text up to its [SEP], at most `length` ids, [SEP] included."""
    follow = np.zeros((1, vocab.text_size), np.int32)
    follow[0, vocab.sep] = END
    return Grammar(length, None, False, vocab.text_allowed()[None], follow)


def answer_paths(vocab: Vocab, tok: Encoder, attribute: Attribute) -> list[tuple[int, ...]]:
    """Ids of the question followed by each of `attribute.answers()` and [SEP]."""
    given = sequence.question(tok, attribute_question(attribute.name))
    return [(*given, *sequence.answer(vocab, tok, text)) for text in attribute.answers()]


@functools.lru_cache(maxsize=512)
def answer(vocab: Vocab, tok: Encoder, attribute: Attribute) -> Grammar:
    """An attribute's question, then one of its answers (a number: any of its range) and [SEP], as a trie."""
    paths = answer_paths(vocab, tok, attribute)
    nodes = {path[:i]: 0 for path in paths for i in range(len(path))}
    nodes = {start: state for state, start in enumerate(nodes)}
    known = np.array(sorted({token for path in paths for token in path}), np.int32)
    shape = (len(nodes), len(known))
    allowed, follow = np.zeros(shape, bool), np.full(shape, END, np.int32)
    for path in paths:
        for i, token in enumerate(path):
            place = np.searchsorted(known, token)
            allowed[nodes[path[:i]], place] = True
            follow[nodes[path[:i]], place] = nodes.get(path[: i + 1], END)
    return Grammar(max(map(len, paths)), known, False, allowed, follow)


@functools.lru_cache(maxsize=64)
def union(vocab: Vocab, grammars: tuple[Grammar, ...]) -> tuple[Grammar, tuple[int, ...]]:
    """Merges automata into one; also returns the initial state of each. Rows of one batch may differ in task."""
    if len(grammars) == 1:
        return grammars[0], (grammars[0].start,)
    lists = [g.text for g in grammars if g.text is not None]
    everything = len(lists) < len(grammars)
    known = None if everything else functools.reduce(np.union1d, lists).astype(np.int32)
    merged = Grammar(
        max(g.length for g in grammars), known, any(g.image for g in grammars), np.zeros((0, 0), bool), _NO_TEXT
    )
    ids = merged.ids(vocab)
    states = sum(len(g.allowed_SxU) for g in grammars)
    allowed, follow = np.zeros((states, len(ids)), bool), np.full((states, len(ids)), END, np.int32)
    starts, at = [], 0
    for g in grammars:
        rows, columns = slice(at, at + len(g.allowed_SxU)), np.searchsorted(ids, g.ids(vocab))
        allowed[rows, columns] = g.allowed_SxU
        follow[rows, columns] = np.where(g.follow_SxU == END, END, g.follow_SxU + at)
        starts.append(at + g.start)
        at = rows.stop
    return dataclasses.replace(merged, allowed_SxU=allowed, follow_SxU=follow), tuple(starts)
