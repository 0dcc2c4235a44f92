"""Phrases -> sentences: the grammar of the captions that are written from labels."""

from collections.abc import Sequence
from typing import NamedTuple

from t2f_jax.tokens.phrases import ADJECTIVE_ORDER

PRONOUNS = {"male": ("he", "his"), "female": ("she", "her"), "": ("they", "their")}
ADJECTIVE_RANK = {name: rank for rank, name in enumerate(ADJECTIVE_ORDER)}
PLURAL = {"has": "have", "wears": "wear", "is": "are"}


class Phrase(NamedTuple):
    """A phrase for the attribute `name`: its text, and its role (see `phrases`), which decides where it may stand."""

    name: str
    role: str
    text: str


def in_order(adjectives: Sequence[Phrase]) -> list[Phrase]:
    """Sorts adjectives before a noun by ADJECTIVE_ORDER; those that are not in it come last, next to the noun."""
    return sorted(adjectives, key=lambda phrase: ADJECTIVE_RANK.get(phrase.name, len(ADJECTIVE_RANK)))


def article(words: str) -> str:
    """ "a" or "an" for what follows: "an elderly man", "an 8-year-old", "an 18-year-old", "a 1-year-old"."""
    return "an" if words[0].lower() in "aeio8" or words.startswith(("11-", "18-")) else "a"


def _by_role(phrases: list[Phrase]) -> dict[str, list[str]]:
    """Texts by role; "states" count as "is" and come first, texts with the owner ("her mouth ...") come last."""
    texts: dict[str, list[str]] = {"has": [], "wears": [], "lacks": [], "is": []}
    for phrase in sorted(phrases, key=lambda p: (p.role != "states", "{his}" in p.text and p.role == "has")):
        texts["is" if phrase.role == "states" else phrase.role].append(phrase.text)
    return texts


def _none_of(texts: list[str]) -> str:
    """["a hat", "glasses"] -> "no hat or glasses"."""
    return "no " + " or ".join(text.removeprefix("a ") for text in texts)


def _and(texts: list[str]) -> str:
    """["a", "b", "c"] -> "a, b and c"."""
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def description(phrases: list[Phrase], places: list[str]) -> str:
    """What follows the noun: " with red hair and no glasses against a blue background, smiling and wearing a hat"."""
    texts = _by_role(phrases)
    text = ""
    if texts["has"]:
        text = " with " + _and(texts["has"] + ([_none_of(texts["lacks"])] if texts["lacks"] else []))
    elif texts["lacks"]:
        text = " without " + " or ".join(texts["lacks"])
    text += "".join(f" {place}" for place in places)
    if texts["wears"]:
        texts["is"].append("wearing " + _and(texts["wears"]))
    if texts["is"]:
        text += ", " + (", ".join if any(" and " in t for t in texts["is"]) else _and)(texts["is"])
    return text


def predicates(phrases: list[Phrase], plural: bool) -> str:
    """What follows the subject of a whole sentence: "has red hair and no glasses, wears a hat, and is smiling"."""
    texts = _by_role(phrases)
    if texts["lacks"]:
        texts["has"].append(_none_of(texts["lacks"]))
    parts = [f"{PLURAL[v] if plural else v} {_and(texts[v])}" for v in ("has", "wears", "is") if texts[v]]
    if len(parts) == 2 and not any(" and " in part for part in parts):
        return " and ".join(parts)
    return ", and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
