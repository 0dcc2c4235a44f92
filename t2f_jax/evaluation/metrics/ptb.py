"""Penn Treebank tokens of a caption, as in COCO's evaluation code."""

import functools
import re
import sys
from collections.abc import Callable
from typing import Literal

from t2f_jax.evaluation.metrics.extra import needed

Brackets = Literal["kept", "dropped"]
DROPPED = frozenset({"''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"})
BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
# Words that keep their full stop inside a sentence.
_ABBREVIATION = re.compile(r"(?:[a-z]\.)+|(?:mr|mrs|ms|dr|prof|jr|sr|st|vs|etc)\.")
_FULL_STOP = re.compile(r"(?<=[^\s.])\.(?=[\s\"')\]}]|$)")
# Corrections before and after NLTK's tokenizer where it differs from Stanford's.
_BEFORE = (
    (re.compile(r"(?<=\w)’(?=[a-z]{1,2}\b)"), "'"),
    (re.compile("[“”]"), '"'),
    (re.compile("[–—]"), " -- "),
    (re.compile("…"), " ... "),
    (re.compile(r"(?<=\d)\.(?=[a-z])"), " . "),
    (re.compile(r"\b(w)/(?=\s)"), r"\1 / "),
    (re.compile(r"(?<![\w'])'(?=\w[^']*')"), "` "),
)
_AFTER = (
    (re.compile(r"# (?=\w)"), "#"),
    (re.compile(r"(?<=[!?]) (?=[!?])"), ""),
)


def ptb_tokens(caption: str, brackets: Brackets = "kept") -> list[str]:
    """Lower-case tokens without punctuation: "She isn't smiling." -> ["she", "is", "n't", "smiling"].

    They equal those of Stanford's PTBTokenizer 3.4.1 with COCO's list of dropped punctuation, except for rare
    abbreviations and marks. That list names brackets in upper case while the tokens are lower case, so COCO keeps each
    bracket as a token, "-lrb-", and so does this function unless they are to be `dropped`.

    Raises:
      MissingPackage: the package nltk is missing.
    """
    text = caption.lower()
    for pattern, other in _BEFORE:
        text = pattern.sub(other, text)
    text = _FULL_STOP.sub(functools.partial(_part_full_stop, text), text)
    text = " ".join(_tokenizer()(text))
    for pattern, other in _AFTER:
        text = pattern.sub(other, text)
    tokens = [sys.intern(BRACKETS.get(token, token)) for token in text.split()]  # each word is stored once
    bracket = BRACKETS.values() if brackets == "dropped" else ()
    return [token for token in tokens if token not in DROPPED and token not in bracket]


def _part_full_stop(text: str, stop: re.Match[str]) -> str:
    """Splits the full stop from its word; an abbreviation keeps its own, and gets a second one at the caption's end."""
    word = re.split(r"[\s\"(\[{]", text[: stop.end()])[-1]
    if not _ABBREVIATION.fullmatch(word):
        return " ."
    return "." if text[stop.end() :].strip() else ". ."


@functools.cache
def _tokenizer() -> Callable[[str], list[str]]:
    with needed("nltk"):
        from nltk.tokenize import NLTKWordTokenizer
    return NLTKWordTokenizer().tokenize
