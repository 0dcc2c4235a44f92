"""Labels of a face -> the one plain caption: each fact once, the most informative first, always in the same words.

A model that learns to write such captions need not track what it has stated, because the order is fixed; its most
likely caption then has no repetitions.
"""

from collections.abc import Mapping

from t2f_jax.tokens import ages
from t2f_jax.tokens.captions import MAX_WORDS, silenced
from t2f_jax.tokens.phrases import HAIR, HAIR_WORDS, NEGATIVE, PHRASES, PLAIN_ORDER, Phrases
from t2f_jax.tokens.sentences import PRONOUNS, Phrase, article, description, in_order, predicates

_RANK = {name: rank for rank, name in enumerate(PLAIN_ORDER)}
_GROWN = 40  # the age assumed if it is unknown
_FIRST = 4  # phrases of the first sentence, not counting nouns and adjectives


def plain_caption(attributes: Mapping[str, str | int], phrases: Phrases = PHRASES) -> str:
    """States the positive facts of a face, each by the first phrase in the tables.

    An age is given as a stage of life, which is more certain than a year. Unknown labels are never mentioned.

    Args:
      attributes: the labels; see `Attribute`.
      phrases: phrases for labels other than hair and age.

    Returns:
      One to three sentences of at most MAX_WORDS words; if there are more, the least informative facts are left out.
    """
    said = _phrases(attributes, phrases)
    while len((caption := _render(attributes, said)).split()) > MAX_WORDS:
        said = said[:-1]
    return caption


def _phrases(attributes: Mapping[str, str | int], phrases: Phrases) -> list[Phrase]:
    """One phrase for each fact, the most informative first; all facts about the hair form one phrase."""
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
    """Writes the phrases as sentences, in their order; adjectives in that of `sentences.in_order`."""
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
