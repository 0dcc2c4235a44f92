"""A caption -> the facts that it states about a face: the inverse of `captions`, by the same tables.

It reads captions that `captions.write_caption` wrote, and those of models trained on such captions. In captions that
people wrote it finds only the phrases of the tables.
"""

import functools
import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from t2f_jax.tokens.phrases import DECADES, HAIR_WORDS, NEGATIVE, PHRASES, STAGES
from t2f_jax.tokens.ranges import LARGEST, numbers

_GENDERS = {"male": ("baby boy", "man", "boy", "he"), "female": ("baby girl", "woman", "girl", "she")}
_DENIAL = re.compile(r"\b(?:no (?!longer\b)|without )(.+?)(?=[.,]| and | against | in front |$)")  # "no hat or glasses"
_ARTICLE = re.compile(r"^an? ")
_HAIR = re.compile(
    rf"\b((?:(?:{'|'.join({w for v in HAIR_WORDS.values() for ws in v.values() for w in ws})}) )+)hair\b"
)
_NUMBER = re.compile(r"\b(?:(\d+)-year-old|(\d+) years? old|aged (\d+)|of (\d+)\b)")
_RANGE = re.compile(r"\b(?:aged (\d+) to|between (\d+) and) (\d+)(?: years old)?")
_OPEN_RANGE = re.compile(r"\b(?:aged (\d+)|(\d+) years old) or more\b")
_DECADE = re.compile(rf"\bin (?:his|her|their) (teens|{'|'.join(DECADES)})\b")


class Fact(NamedTuple):
    """One statement: the attribute and its value; for an age, the range that the words allow."""

    name: str
    value: str | range


class Comparison(NamedTuple):
    """A caption compared with the labels of its face."""

    right: int  # stated facts that the labels confirm
    wrong: int  # stated facts that the labels contradict; attributes without a label do not count
    positive: int  # positive facts of the labels (see `captions`) that it states correctly
    missing: int  # positive facts that it does not state, or states wrongly
    repeats: bool  # is anything but the gender stated twice?


class Said(NamedTuple):
    """A fact and its place in the caption: `caption[start:end]`."""

    fact: Fact
    start: int
    end: int


def read_facts(caption: str, names: Collection[str]) -> list[Fact]:
    """The facts that a caption states about the attributes `names`, in no fixed order; each gender at most once."""
    facts: list[Fact] = []
    for fact, _, _ in _read(caption, frozenset(names)):
        if fact.name != "gender" or fact not in facts:  # every pronoun repeats it
            facts.append(fact)
    return facts


def contradictions(caption: str, attributes: Mapping[str, str | int]) -> list[tuple[int, int]]:
    """The places, (start, end) in order, where a caption contradicts the labels of its face, {name: value}."""
    if len(caption.lower()) != len(caption):  # a letter whose lower case is two characters: places are unknown
        return []
    said = _read(caption, frozenset(attributes))
    return sorted({(start, end) for fact, start, end in said if not _is_confirmed(fact, attributes[fact.name])})


def _read(caption: str, known: frozenset[str]) -> list[Said]:
    """The facts of a caption and their places in its lower-case text; no part of the text is read twice."""
    said: list[Said] = []

    def take(match: re.Match[str], facts: Iterable[Fact]) -> str:
        said.extend(Said(fact, *match.span()) for fact in facts)
        return "#" * len(match[0])

    def deny(match: re.Match[str]) -> str:
        start = match.start(1)
        for item in match[1].split(" or "):
            facts = _denied(known).get(_ARTICLE.sub("", item.strip()), [])
            said.extend(Said(fact, start, start + len(item)) for fact in facts)
            start += len(item) + len(" or ")
        return take(match, [])

    def hair(match: re.Match[str]) -> str:
        words = re.finditer(r"\S+", match[1])
        said.extend(
            Said(fact, *(match.start(1) + place for place in word.span()))
            for word in words
            for fact in _of_hair(word[0], known)
        )
        return take(match, [])

    def age(match: re.Match[str], low: int, high: int) -> str:
        return take(match, [Fact("age", range(low, high + 1))] if "age" in known else [])

    def decade(match: re.Match[str]) -> str:
        first = 10 * ("teens", *DECADES).index(match[1]) + 10
        return age(match, first + 3 * (first == 10), first + 9)

    text = _HAIR.sub(hair, _DENIAL.sub(deny, caption.lower()))
    text = _RANGE.sub(lambda match: age(match, int(match[1] or match[2]), int(match[3])), text)
    text = _OPEN_RANGE.sub(lambda match: age(match, int(match[1] or match[2]), LARGEST), text)
    text = _NUMBER.sub(lambda match: age(match, *[int(next(filter(None, match.groups())))] * 2), text)
    text = _DECADE.sub(decade, text)
    for pattern, facts in _said(known):
        text = pattern.sub(functools.partial(take, facts=facts), text)
    return said


def compare(caption: str, attributes: Mapping[str, str | int]) -> Comparison:
    """Compares the facts of a caption with the labels of its face, {name: value}."""
    facts = read_facts(caption, attributes)
    right = [fact.name for fact in facts if _is_confirmed(fact, attributes[fact.name])]
    positive = {name for name, value in attributes.items() if _is_positive(name, value)}
    stated = len(positive & set(right))
    names = [fact.name for fact in facts if fact.name != "gender"]
    repeats = len(set(names)) < len(names)
    return Comparison(len(right), len(facts) - len(right), stated, len(positive) - stated, repeats)


def _is_confirmed(fact: Fact, label: str | int) -> bool:
    """Whether a label confirms a fact; for ages, whether their ranges overlap."""
    if not isinstance(fact.value, range):
        return label == fact.value
    known = numbers(label)
    return max(known.start, fact.value.start) < min(known.stop, fact.value.stop)


def _is_positive(name: str, value: str | int) -> bool:
    """Whether captions can state the label, and it is more than the absence of something."""
    ways = PHRASES.get(name) or HAIR_WORDS.get(name) or {}
    return name in ("age", "gender") or (value in ways and value != NEGATIVE.get(name, "no"))


def _of_hair(word: str, known: frozenset[str]) -> list[Fact]:
    return [
        Fact(name, value)
        for name, ways in HAIR_WORDS.items()
        if name in known
        for value, words in ways.items()
        if word in words
    ]


@functools.lru_cache(maxsize=64)
def _denied(known: frozenset[str]) -> dict[str, list[Fact]]:
    """The words after "no" or "without" -> the fact that they state."""
    denied: dict[str, list[Fact]] = {}
    for name, value, way in _ways(known):
        role, _, text = way.partition(" ")
        if role == "lacks":
            denied.setdefault(_ARTICLE.sub("", text), []).append(Fact(name, value))
    return denied


@functools.lru_cache(maxsize=64)
def _said(known: frozenset[str]) -> list[tuple[re.Pattern[str], list[Fact]]]:
    """Regular expressions for all other phrases, the longest first, and the facts that each states."""
    said: dict[str, list[Fact]] = {}
    for name, value, way in _ways(known):
        role, _, text = way.partition(" ")
        meant = said.setdefault(text.lower().rstrip("."), []) if role != "lacks" else []
        if Fact(name, value) not in meant:  # "smiling" may follow the verb or precede the noun
            meant.append(Fact(name, value))
    if "gender" in known:
        said |= {word: [Fact("gender", gender)] for gender, words in _GENDERS.items() for word in words}
    if "age" in known:
        begin = 0
        for stage in STAGES:
            for word in stage.adjectives:
                earlier = said.get(word, [Fact("age", range(begin, begin))])[0].value
                low = earlier.start if isinstance(earlier, range) and len(earlier) else begin
                said[word] = [Fact("age", range(low, stage.end))]
            begin = stage.end
    patterns = []
    for text in sorted(said, key=len, reverse=True):
        expression = re.escape(text).replace(re.escape("{his}"), "(?:his|her|their)")
        patterns.append((re.compile(rf"(?<![\w-]){expression}(?![\w-])"), said[text]))
    return patterns


def _ways(known: frozenset[str]) -> list[tuple[str, str, str]]:
    """(name, value, phrase with its role) for the attributes in `known`."""
    return [
        (name, value, way)
        for name, ways in PHRASES.items()
        if name in known
        for value, texts in ways.items()
        for way in texts
    ]
