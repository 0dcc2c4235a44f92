"""One table of attributes for all datasets: maps their own columns, codes and words to the names used here.

A column says yes, no, or nothing (unknown). Unknown attributes, and those on which two columns disagree, are absent.
"""

import functools
from collections.abc import Collection, Iterable, Mapping

from t2f_jax.tokens.attributes import Attribute, squeeze

GENDER = Attribute("gender", ("female", "male"))
ETHNICITY = Attribute("ethnicity", ("white", "black", "asian", "indian", "latino", "middle eastern", "other"))
EXPRESSION = Attribute(
    "expression", ("neutral", "happy", "sad", "surprised", "afraid", "disgusted", "angry", "contemptuous")
)

# Columns with the same meaning in every dataset that has them: the name here is the column's in lower case.
SAME = (
    *("5 o clock shadow", "arched eyebrows", "attractive", "bags under eyes", "bald", "bangs", "big lips", "big nose"),
    *("black hair", "blond hair", "blurry", "brown eyes", "brown hair", "bushy eyebrows", "chubby", "curly hair"),
    *("double chin", "eyeglasses", "goatee", "gray hair", "heavy makeup", "high cheekbones", "mouth slightly open"),
    *("mustache", "narrow eyes", "no beard", "oval face", "pale skin", "pointy nose", "receding hairline"),
    *("rosy cheeks", "round face", "shiny skin", "sideburns", "smiling", "square face", "straight hair", "sunglasses"),
    *("wavy hair", "wearing earrings", "wearing hat", "wearing lipstick", "wearing necklace", "wearing necktie"),
    "young",
)
# Columns of other names -> (name here, value for yes, value for no); None: unknown.
OTHERS: dict[str, tuple[str, str | None, str | None]] = {
    "male": ("gender", "male", "female"),
    "no eyewear": ("eyeglasses", "no", None),
    "mouth closed": ("mouth slightly open", "no", "yes"),
    "mouth wide open": ("mouth slightly open", "yes", None),
    **{column: ("young", "yes", None) for column in ("baby", "child", "youth")},
    **{column: ("young", "no", None) for column in ("middle aged", "senior")},
    **{column: ("ethnicity", column, None) for column in ("white", "black", "asian", "indian")},
}
# A matter of taste, and a property of the picture: read only from CelebA, where users have had them so far.
NOT_OF_THE_FACE = ("attractive", "blurry")

_GENDERS = {**dict.fromkeys(("m", "male"), "male"), **dict.fromkeys(("f", "female"), "female")}


@functools.lru_cache(1024)  # called for every row
def column(name: str) -> str:
    """A column's name in lower case, without punctuation: "5_o_Clock_Shadow" -> "5 o clock shadow"."""
    return squeeze(name.replace("_", " ").replace("'", " "))


def gender(word: str) -> str | None:
    """ "M", "female", " f" -> "male", "female", "female"; None for anything else."""
    return _GENDERS.get(squeeze(word))


def labels(said: Mapping[str, bool | None], leave_out: Collection[str] = NOT_OF_THE_FACE) -> dict[str, str]:
    """{a dataset's own column: True (yes), False (no) or None (unknown)} -> {name here: value}, in the columns' order.

    Columns that are not in the table are skipped.
    """
    found: dict[str, set[str]] = {}
    for name, answer in said.items():
        ours, yes, no = _rule(column(name))
        value = None if answer is None else yes if answer else no
        if ours and ours not in leave_out and value is not None:
            found.setdefault(ours, set()).add(value)
    return {ours: values.pop() for ours, values in found.items() if len(values) == 1}


def schema(columns: Iterable[str], leave_out: Collection[str] = NOT_OF_THE_FACE) -> tuple[Attribute, ...]:
    """The attributes that a dataset's own columns label, in their order; each with all its values."""
    special = {attribute.name: attribute for attribute in (GENDER, ETHNICITY)}
    ours = dict.fromkeys(_rule(column(name))[0] for name in columns)
    return tuple(special.get(name) or Attribute(name, ("no", "yes")) for name in ours if name and name not in leave_out)


def _rule(name: str) -> tuple[str, str | None, str | None]:
    return (name, "yes", "no") if name in SAME else OTHERS.get(name, ("", None, None))
