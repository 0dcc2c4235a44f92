"""Leaves out parts of a caption: a model that is trained on such prompts accepts incomplete descriptions."""

import re

import numpy as np

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
# A comma before one of these words begins a removable clause; one before an adjective ("a young, smiling woman") not.
_CLAUSE = re.compile(r"(?=, (?:and|but|with|without|who|which|while|wearing|having)\b)")
_ENDS = (".", "!", "?")


def drop_clauses(caption: str, share: float, rng: np.random.Generator) -> str:
    """Leaves out some of a caption's sentences and clauses; the beginning of the first sentence always stays.

    Args:
      share: 0..1, the probability of each to be left out.
    """
    kept = []
    for number, sentence in enumerate(_SENTENCE.split(caption.strip())):
        if number and rng.random() < share:
            continue
        end = sentence[-1:] if sentence.endswith(_ENDS) else ""
        head, *clauses = _CLAUSE.split(sentence.removesuffix(end))
        kept.append(head + "".join(clause for clause in clauses if rng.random() >= share) + end)
    return " ".join(kept)
