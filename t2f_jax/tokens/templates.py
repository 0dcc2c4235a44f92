"""Attributes of a face -> the text in a sequence: prompts, questions, answers.

Captions written from labels are in `captions.py`.
"""

import functools
import re
from collections.abc import Mapping

from t2f_jax.errors import UserError
from t2f_jax.tokens.attributes import Attribute, parse_answer

IMAGE_PROMPT = "to image"
CAPTION_PROMPT = "to caption"
ATTRIBUTE_PROMPT = "to attributes"


def attribute_question(name: str) -> str:
    """ "gender" -> "gender :", the text before an answer."""
    return f"{name} :"


def attribute_answer(attribute: Attribute, value: str | int) -> str:
    """A label -> the text of its answer (see `Attribute.answers`): "male", 34 -> "34", a hat's "no" -> "not hat".

    Raises:
      ValueError: a value that the attribute does not have.
    """
    label = parse_answer(attribute, str(value))
    if label is None:
        raise ValueError(f"'{value}' is not a {attribute.name}; it is {attribute.allowed()}")
    return str(label) if attribute.is_number else attribute.answers()[attribute.values.index(str(label))]


def attributes_text(attributes: Mapping[str, str | int]) -> str:
    """{"gender": "male", "hat": "no", "age": 34} -> "gender : male , not hat , age : 34", in the mapping's order."""
    return " , ".join([_attribute_text(name, value) for name, value in attributes.items()])


@functools.lru_cache(1 << 14)
def _attribute_text(name: str, value: str | int) -> str:
    flag = {"yes": "", "no": "not "}.get(str(value))
    return f"{attribute_question(name)} {value}" if flag is None else f"{flag}{name}"


def image_text(caption: str | None = None, attributes: Mapping[str, str | int] | None = None) -> str:
    """Text of a to-image prompt: the caption, the attributes, or the caption followed by the attributes.

    Raises:
      UserError: neither is given.
    """
    parts = [" ".join((caption or "").split()), attributes_text(attributes or {})]
    text = " ".join(part for part in parts if part)
    if not text:
        raise UserError("the prompt is empty; give a caption, attributes such as gender=male, or both")
    return text


def sentence_case(text: str) -> str:
    """Capitalizes the first letter of each lower-case sentence."""
    return re.sub(r"(^|[.!?] +)([a-z])", lambda m: m.group(1) + m.group(2).upper(), text)
