"""METEOR 1.5 of captions, without paraphrases: words matched exactly, by stem and by synonym.

Source: Denkowski & Lavie, Meteor Universal: Language Specific Translation Evaluation for Any Target Language, WMT 2014.
A port of the Java program's `-l en -norm -m 'exact stem synonym'`, with the tables of that program's own .jar file. Of
354 pairs of face captions, 339 have the program's score to six digits; the corpus score is 0.1274 instead of 0.1276,
because the beam searches drop different partial alignments. NLTK's METEOR is an older metric with other values.
"""

import itertools
import re
from collections.abc import Sequence

import numpy as np

from t2f_jax.evaluation import corpus_scores
from t2f_jax.evaluation.metrics.meteor_alignment import align
from t2f_jax.evaluation.metrics.meteor_tables import Tables

MODULES = "exact+stem+synonym"
WEIGHTS = (1.0, 0.6, 0.8)  # of each of these
CONTENT, FUNCTION = 0.75, 0.25  # of a content word, of a function word
LETTER = r"[^\W\d_]"
# The program's normalization, as far as it changes tokens of `ptb.ptb_tokens`.
_NORMALIZED = (
    (re.compile("’"), "'"),
    (re.compile(r"(?<=[^\W_])-+(?=[^\W_])"), " "),
    (re.compile(r"([^\w\s.',\-…]|_)"), r" \1 "),
    (re.compile(rf"([^\w]|_)'({LETTER})"), r"\1 ' \2"),
    (re.compile(rf"({LETTER})'(\W)"), r"\1 ' \2"),
    (re.compile(rf"({LETTER})'({LETTER})"), r"\1 '\2"),
    (re.compile(r"(\d)'(s)"), r"\1 '\2"),
    (re.compile(r"(\d)'([^\w]|\d)"), r"\1 ' \2"),
)
_ACRONYM = re.compile(rf"(?:{LETTER}\.)+")


def meteor_statistics(
    captions: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]], tables: Tables
) -> np.ndarray:
    """What each caption adds, with the reference that gives it the best score, [N, 6] for `corpus_scores.meteor`.

    Args:
      captions: the tokens of N captions, see `ptb.ptb_tokens`.
      references: for each, the tokens of one or more references.
    """
    rows = np.zeros((len(captions), 6))
    for i, (caption, given) in enumerate(zip(captions, references, strict=True)):
        ours = normalize(caption)
        each = np.array([_statistics(ours, normalize(reference), tables) for reference in given])
        rows[i] = each[corpus_scores.meteor(each).argmax()]
    return rows


def normalize(tokens: Sequence[str]) -> list[str]:
    """Splits tokens as the program does: "o'clock" -> "o", "'clock"; "make-up" -> "make", "up"."""
    text = f" {' '.join(tokens)} "
    for pattern, other in _NORMALIZED:
        text = pattern.sub(other, text)
    words = text.split()
    parted: list[str] = []
    for word, following in zip(words, [*words[1:], ""]):
        if _ACRONYM.fullmatch(word) and len(word) > 2:
            parted.append(word.replace(".", ""))
        elif word.endswith(".") and word != "." and not following[:1].islower():
            parted += [word[:-1], "."]
        else:
            parted.append(word)
    return parted


def _statistics(caption: list[str], reference: list[str], tables: Tables) -> list[float]:
    matches = align(caption, reference, tables)
    ours = _weights(caption, tables)
    theirs = _weights(reference, tables)
    matched = sum(WEIGHTS[m.module] * ours[m.word] for m in matches)
    reference_matched = sum(WEIGHTS[m.module] * theirs[m.other] for m in matches)
    joined = sum((a.word + 1, a.other + 1) == (b.word, b.other) for a, b in itertools.pairwise(matches))
    whole = len(matches) == len(caption) == len(reference) == joined + 1
    chunks = 0 if whole else len(matches) - joined
    return [matched, ours.sum(), reference_matched, theirs.sum(), chunks, len(matches)]


def _weights(words: Sequence[str], tables: Tables) -> np.ndarray:
    return np.array([FUNCTION if word in tables.function_words else CONTENT for word in words], np.float64)
