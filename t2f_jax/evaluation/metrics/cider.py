"""CIDEr and CIDEr-D of captions: similarity of their n-grams to the references', weighted by rarity.

Source: Vedantam et al., CIDEr: Consensus-based Image Description Evaluation, CVPR 2015, arXiv:1411.5726. What COCO's
evaluation code calls CIDEr is CIDEr-D: counts are clipped to the reference's, other lengths are penalized. Both range
from 0 to 10. The weights come from the references of the scored faces, so values on different faces are not comparable.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

LONGEST = 4  # words of the longest n-grams
SIGMA = 6.0  # words: standard deviation of CIDEr-D's length penalty

Gram = tuple[str, ...]
Tokens = Sequence[str]


class Rarity(NamedTuple):
    """For each n-gram the number of faces whose references have it, and the number of faces."""

    faces_of: Counter[Gram]
    faces: int

    def weight(self, gram: Gram) -> float:
        """log(faces / faces with it), the inverse document frequency; 0 if all have it."""
        return math.log(self.faces) - math.log(max(1, self.faces_of[gram]))


class _Vector(NamedTuple):
    """The weights of a text's n-grams for each length n, their norms, and its number of words."""

    grams: list[dict[Gram, float]]
    norms: list[float]
    words: int


def rarity(references: Iterable[Sequence[Tokens]]) -> Rarity:
    """Counts the n-grams in the references of all scored faces."""
    faces_of: Counter[Gram] = Counter()
    faces = 0
    for given in references:
        faces += 1
        faces_of.update({gram for tokens in given for gram in _count(tokens)})
    return Rarity(faces_of, faces)


def cider(caption: Tokens, references: Sequence[Tokens], known: Rarity, clipped: bool = True) -> float:
    """The score of one caption, 0 to 10.

    Args:
      caption: its tokens, see `ptb.ptb_tokens`.
      references: the tokens of one or more references.
      clipped: CIDEr-D if true, else CIDEr.
    """
    ours = _vector(caption, known)
    scores = [_similarity(ours, _vector(tokens, known), clipped) for tokens in references]
    return 10 * float(np.mean(scores))


def _similarity(ours: _Vector, theirs: _Vector, clipped: bool) -> float:
    """The cosine similarity of two texts, averaged over the lengths of n-grams."""
    cosines = []
    for our, their, our_norm, their_norm in zip(ours.grams, theirs.grams, ours.norms, theirs.norms):
        product = sum((min(w, their[g]) if clipped else w) * their[g] for g, w in our.items() if g in their)
        cosines.append(product / (our_norm * their_norm) if our_norm and their_norm else 0.0)
    longer = ours.words - theirs.words
    return float(np.mean(cosines)) * (math.exp(-(longer**2) / (2 * SIGMA**2)) if clipped else 1.0)


def _vector(tokens: Tokens, known: Rarity) -> _Vector:
    grams: list[dict[Gram, float]] = [{} for _ in range(LONGEST)]
    for gram, count in _count(tokens).items():
        grams[len(gram) - 1][gram] = count * known.weight(gram)
    return _Vector(grams, [math.sqrt(sum(w * w for w in some.values())) for some in grams], len(tokens))


def _count(tokens: Tokens) -> Counter[Gram]:
    return Counter(tuple(tokens[i : i + n]) for n in range(1, LONGEST + 1) for i in range(len(tokens) - n + 1))
