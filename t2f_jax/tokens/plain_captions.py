"""Labels of a face -> the one plain caption: each fact once, the most telling first, always in the same words.

A model that learns to write such captions need not remember what it has said, for the order tells; its likeliest
caption then repeats nothing.
"""

from collections.abc import Mapping

from t2f_jax.tokens import ages
from t2f_jax.tokens.captions import MAX_WORDS, silenced
from t2f_jax.tokens.phrases import HAIR, HAIR_WORDS, NEGATIVE, PHRASES, PLAIN_ORDER, Phrases
from t2f_jax.tokens.sentences import PRONOUNS, Phrase, article, description, in_order, predicates

_RANK = {name: rank for rank, name in enumerate(PLAIN_ORDER)}
_GROWN = 40  # an unknown age is taken for it
_FIRST = 4  # phrases beside nouns and adjectives that the first sentence holds


def plain_caption(attributes: Mapping[str, str | int], phrases: Phrases = PHRASES) -> str:
    """Says the positive facts of a face, each in the first of the tables' ways.

    Of an age it says the stage of life, of which one can be surer than of a year. What is unknown is never asserted.

    Args:
      attributes: the labels; see `Attribute`.
      phrases: how labels other than hair and age can be put.

    Returns:
      One to three sentences of at most MAX_WORDS words; the least telling of the facts that exceed them are left out.
    """
    said = _phrases(attributes, phrases)
    while len((caption := _render(attributes, said)).split()) > MAX_WORDS:
        said = said[:-1]
    return caption


def _phrases(attributes: Mapping[str, str | int], phrases: Phrases) -> list[Phrase]:
    """One phrase for each fact, the most telling first; everything about the hair goes into one."""
    silent, said = silenced(attributes), []
    known = {name: str(value) for name, value in attributes.items() if name not in silent}
    words = [[kind[n][known[n]] for n in kind if known.get(n) in kind[n]] for kind in HAIR]
    if any(words):
        said.append(Phrase("hair", "has", " ".join([*(of_kind[0][0] for of_kind in words if of_kind), "hair"])))
    for name, value in known.items():
        if name == "age":
            said += [Phrase(name, "adj", word) for word in ages.adjectives(attributes["age"])[:1]]
        elif name not in HAIR_WORDS and value != NEGATIVE.get(name, "no") and value in phrases.get(name, {}):
            role, _, text = phrases[name][value][0].partition(" ")
            said.append(Phrase(name, role, text))
    return sorted(said, key=lambda phrase: _RANK.get(phrase.name, len(_RANK)))


def _render(attributes: Mapping[str, str | int], said: list[Phrase]) -> str:
    """The phrases in sentences, as they come; adjectives in the order of `sentences.in_order`."""
    gender = str(attributes.get("gender", ""))
    gender = gender if gender in PRONOUNS else ""
    noun = ages.noun(attributes.get("age", _GROWN), gender)
    adjectives = in_order([p for p in said if p.role == "adj"])
    head = " ".join([*(p.text for p in adjectives), noun, *(p.text for p in said if p.role == "tail")])
    rest = [p for p in said if p.role in ("has", "wears", "lacks", "is", "states")]
    places = [p.text for p in said if p.role == "place"]
    sentences = [f"{article(head)} {head}{description(rest[:_FIRST], places)}."]
    pronoun, possessive = PRONOUNS[gender]
    if rest[_FIRST:]:
        sentences.append(f"{pronoun} {predicates(rest[_FIRST:], plural=pronoun == 'they')}.")
    sentences += [p.text for p in said if p.role == "also"]
    return " ".join(s[0].upper() + s[1:] for s in sentences).replace("{his}", possessive)
