"""Labels of a face -> a caption in varied, natural English, because labelled datasets have no captions.

The tables of `phrases` hold the phrases for each label; the grammar of `sentences` joins the chosen ones into one to
three sentences, and one about the picture.
"""

import bisect
from collections.abc import Mapping, Sequence

import numpy as np

from t2f_jax.tokens import ages, ranges
from t2f_jax.tokens.phrases import HAIR, HAIR_WORDS, NEGATIVE, NEGATIVES_OF, PHRASES, SILENCES, Phrases
from t2f_jax.tokens.sentences import PRONOUNS, Phrase, article, description, in_order, predicates

MAX_WORDS = 44

OPENERS = ("", "this is ", "a photo of ", "a portrait of ")
OPENERS_UNTIL = tuple((np.cumsum((0.7, 0.1, 0.1, 0.1)) / np.cumsum((0.7, 0.1, 0.1, 0.1))[-1]).tolist())  # in 0..1


def write_caption(
    attributes: Mapping[str, str | int],
    rng: np.random.Generator,
    share: float | None = None,
    phrases: Phrases = PHRASES,
) -> str:
    """Writes one caption of a face.

    Unknown labels, and attributes that are not in the tables, are never mentioned; if the gender is unknown or left
    out, the words are "person" and "they". Negatives are mentioned sometimes, at most two of them.

    Args:
      attributes: the labels; see `Attribute`.
      rng: the only source of randomness: the same state gives the same caption.
      share: 0..1, the share of the positive facts that is mentioned; None draws it from 0.4..1.
      phrases: phrases for labels other than hair and age.

    Returns:
      One to three sentences of at most MAX_WORDS words; facts that would exceed them are left out.
    """
    if share is not None and not 0 <= share <= 1:
        raise ValueError(f"share must lie in 0..1, got {share}")
    share = rng.uniform(0.4, 1.0) if share is None else share
    facts = _choose(attributes, rng, share, phrases)
    gender = str(attributes.get("gender", "")) if rng.random() < 0.95 else ""
    seed = rng.integers(2**32)
    while True:  # the same wording again with fewer facts, until it is short enough
        caption = _render(attributes, facts, gender if gender in PRONOUNS else "", np.random.default_rng(seed), phrases)
        if len(caption.split()) <= MAX_WORDS:
            return caption
        facts = facts[:-1]


def silenced(attributes: Mapping[str, str | int]) -> set[str]:
    """Attributes that a caption leaves out because another one says more, or contradicts them."""
    silent = {other for fact, others in SILENCES.items() if attributes.get(fact[0]) == fact[1] for other in others}
    return silent | ({"young"} if "age" in attributes else set())


_tables: dict[int, tuple[Phrases, dict[str, frozenset[str]]]] = {}  # id of a table -> itself, its values with a phrase


def _sayable(phrases: Phrases) -> dict[str, frozenset[str]]:
    """The values of each attribute that have a phrase."""
    if id(phrases) not in _tables:
        names = {*phrases, *HAIR_WORDS}
        values = {name: frozenset({*phrases.get(name, {}), *HAIR_WORDS.get(name, {})}) for name in names}
        _tables[id(phrases)] = phrases, values
    return _tables[id(phrases)][1]


def _choose(attributes: Mapping[str, str | int], rng: np.random.Generator, share: float, phrases: Phrases) -> list[str]:
    """Names of the facts to mention: a share of the positives in random order, then up to two negatives."""
    silent = silenced(attributes)
    gender, grown = attributes.get("gender"), ranges.numbers(attributes.get("age", 18)).start >= 18
    positives, negatives = [], []
    sayable = _sayable(phrases)
    for name, value in attributes.items():
        if name in silent or not (value in sayable.get(name, ()) or name == "age"):
            continue
        if value != NEGATIVE.get(name, "no"):
            positives.append(name)
        elif NEGATIVES_OF.get(name, gender) == gender and (grown or name not in NEGATIVES_OF):
            negatives.append(name)
    count = max(round(share * len(positives)), min(1, len(positives)))
    said = [negatives[i] for i in rng.permutation(len(negatives)).tolist() if rng.random() < 0.2]
    return [positives[i] for i in rng.permutation(len(positives))[:count].tolist()] + said[:2]


def _render(
    attributes: Mapping[str, str | int], facts: list[str], gender: str, rng: np.random.Generator, table: Phrases
) -> str:
    """Writes the chosen facts as sentences."""
    noun = ages.noun(attributes.get("age", 30), gender)
    phrases = _phrases(attributes, facts, rng, table)
    adjectives = in_order([p for p in phrases if p.role == "adj"])
    tail = [p.text for p in phrases if p.role == "tail"]
    head = " ".join([*(p.text for p in adjectives), noun, *tail])
    rest = [
        phrases[i] for i in rng.permutation(len(phrases)).tolist() if phrases[i].role in ("has", "wears", "lacks", "is")
    ]
    states = [p for p in phrases if p.role == "states"]
    places = [p.text for p in phrases if p.role == "place"]
    first = int(rng.integers(min(1, len(rest)), min(4, len(rest)) + 1))
    opener, rest = rest[:first], states + rest[first:]
    if opener and not places and rng.random() < 0.25:
        sentences = [f"{_one_of(('This', 'The'), rng)} {head} {predicates(opener, plural=False)}."]
    else:
        start = OPENERS[bisect.bisect_right(OPENERS_UNTIL, rng.random())]
        sentences = [f"{start}{article(head)} {head}{description(opener, places)}."]
    pronoun, possessive = PRONOUNS[gender]
    for group in (rest[:3], rest[3:]) if len(rest) > 4 else (rest,):
        if group:
            by_noun = rng.random() < 0.2
            subject = f"the {noun}" if by_noun else pronoun
            sentences.append(f"{subject} {predicates(group, plural=subject == 'they')}.")
    sentences += [p.text for p in phrases if p.role == "also"]
    return " ".join(s[0].upper() + s[1:] for s in sentences).replace("{his}", possessive)


def _one_of(ways: Sequence[str], rng: np.random.Generator) -> str:
    """One of the phrases, the same that `rng.choice(ways)` draws, without making an array of them."""
    return ways[int(rng.integers(len(ways)))] if len(ways) > 1 else ways[0]


def _phrases(
    attributes: Mapping[str, str | int], facts: list[str], rng: np.random.Generator, table: Phrases
) -> list[Phrase]:
    """One phrase for each fact; all facts about the hair form one phrase."""
    phrases = []
    hair = [[word for name in kind if name in facts for word in kind[name][str(attributes[name])]] for kind in HAIR]
    if any(hair):
        phrases.append(Phrase("hair", "has", " ".join([*(_one_of(words, rng) for words in hair if words), "hair"])))
    for name in facts:
        if name in HAIR_WORDS:
            continue
        value = attributes[name]
        ways = ages.ways(value) if name == "age" else table[name][str(value)]
        role, _, text = _one_of(ways, rng).partition(" ")
        phrases.append(Phrase(name, role, text))
    return phrases
