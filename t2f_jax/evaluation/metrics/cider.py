"""CIDEr and CIDEr-D of captions: their n-grams beside the references', weighted by how few faces have them.

Source: Vedantam et al., CIDEr: Consensus-based Image Description Evaluation, CVPR 2015, arXiv:1411.5726. What COCO's
evaluation code calls CIDEr is CIDEr-D: counts are clipped to the reference's, other lengths cost. Both are 0 to 10.
The weights come from the references of the very faces that are scored, so a value belongs to these faces.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

LONGEST = 4  # words of the longest n-grams
SIGMA = 6.0  # words by which the length may differ, in CIDEr-D

Gram = tuple[str, ...]
Tokens = Sequence[str]


class Rarity(NamedTuple):
    """In the references of how many faces each n-gram occurs, and how many faces there are."""

    faces_of: Counter[Gram]
    faces: int

    def weight(self, gram: Gram) -> float:
        """log(faces / faces with it), the inverse document frequency; at most 0 where all have it."""
        return math.log(self.faces) - math.log(max(1, self.faces_of[gram]))


class _Vector(NamedTuple):
    """The weights of the n-grams of each length n of a text, their norms, and how many words it has."""

    grams: list[dict[Gram, float]]
    norms: list[float]
    words: int


def rarity(references: Iterable[Sequence[Tokens]]) -> Rarity:
    """Counts the n-grams of all references of all faces that are scored."""
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
      references: the tokens of one reference or more.
      clipped: CIDEr-D, else CIDEr.
    """
    ours = _vector(caption, known)
    scores = [_similarity(ours, _vector(tokens, known), clipped) for tokens in references]
    return 10 * float(np.mean(scores))


def _similarity(ours: _Vector, theirs: _Vector, clipped: bool) -> float:
    """The cosine of two texts, in the mean over the lengths of n-grams."""
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
