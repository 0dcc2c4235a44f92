"""An age, or a range of ages, in words: nouns and adjectives for a person of that age, and phrases for the age.

What is said of a range is true of all its ages. Phrases have the form of those in `phrases`.
"""

import functools

from t2f_jax.tokens import ranges
from t2f_jax.tokens.phrases import DECADES, STAGES, Stage

_WIDER = {"baby": "child", "baby boy": "boy", "baby girl": "girl"}


def _stages(age: str | int) -> list[Stage]:
    """The stages of life that are possible for an age or a range of ages."""
    numbers = ranges.numbers(age)
    begins = (0, *(stage.end for stage in STAGES))
    return [s for s, begin in zip(STAGES, begins) if begin <= numbers[-1] and numbers[0] < s.end]


def stages(low: int, high: int) -> list[range]:
    """The ages from `low` to `high` (inclusive) by stage of life; a stage has the same nouns and adjectives."""
    begins = (0, *(stage.end for stage in STAGES))
    parts = [range(max(low, begin), min(high + 1, stage.end)) for stage, begin in zip(STAGES, begins)]
    return [part for part in parts if part]


@functools.cache
def noun(age: str | int, gender: str) -> str:
    """The noun for that age and gender ("male", "female", ""): "man", or "boy or man" if both are possible."""
    nouns = list(dict.fromkeys(stage.nouns[("male", "female", "").index(gender)] for stage in _stages(age)))
    if "person" in nouns:
        return "person"
    return " or ".join(noun for noun in nouns if _WIDER.get(noun) not in nouns)


def adjectives(age: str | int) -> list[str]:
    """Adjectives that are true of a person of that age: "elderly"."""
    first, *others = _stages(age)
    return [word for word in first.adjectives if all(word in stage.adjectives for stage in others)]


@functools.cache
def ways(age: str | int) -> tuple[str, ...]:
    """Phrases for an age, or a range of ages, in words or digits."""
    said = [f"adj {word}" for word in adjectives(age)]
    numbers = ranges.numbers(age)
    said += _ways_of_range(numbers[0], numbers[-1]) if len(numbers) > 1 else _ways_of_number(numbers[0])
    return tuple(said) or (f"tail of {age}",)


def _ways_of_number(age: int) -> list[str]:
    said = []
    if age >= 1:
        said += [f"adj {age}-year-old"] * 2 + [f"states {age} year{'s' * (age > 1)} old"]
    if age >= 13:
        said.append(f"tail aged {age}")
    if 13 <= age < 20:
        said.append("tail in {his} teens")
    if 20 <= age < 100:
        said += _ways_of_decade(age)
    return said


def _ways_of_range(low: int, high: int) -> list[str]:
    if high >= 100:  # open-ended, or practically so
        return [f"tail aged {low} or more", f"states {low} years old or more"]
    said = [f"tail aged {low} to {high}", f"states between {low} and {high} years old"]
    if low >= 13 and high < 20:
        said.append("tail in {his} teens")
    if 20 <= low < 100 and low % 10 == 0 and high == low + 9:
        said += _ways_of_decade(low)
    return said


def _ways_of_decade(age: int) -> list[str]:
    decade = DECADES[age // 10 - 2]
    return [f"tail in {{his}} {decade}", f"states in {{his}} {decade}"]
