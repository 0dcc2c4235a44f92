"""The attributes of faces with their values, schemas of attributes, and checks of the values that a user requests.

The fields of a face are its labels and captions. A value is a str, or an int for a number such as an age. If only a
range of a number is known, it is a str such as "20-29" (see `ranges`). Unknown values are absent.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from t2f_jax import arguments
from t2f_jax.errors import UserError, WrongArgument, nearest
from t2f_jax.tokens import ranges


class Fields(TypedDict):
    """The labels and captions of a face."""

    attributes: Mapping[str, str | int]  # {name: value}
    captions: list[str]


_VALUES = {str, int}


def check_fields(fields: object) -> None:
    """Raises ValueError if the record is damaged, that is, not a `Fields`."""
    attributes, captions = (fields.get("attributes"), fields.get("captions")) if isinstance(fields, dict) else (0, 0)
    if not isinstance(attributes, dict) or not isinstance(captions, list):
        raise ValueError("no attributes and captions of a face")
    if not {*map(type, attributes.values())} <= _VALUES or not {*map(type, captions)} <= {str}:
        raise ValueError("an attribute that is neither words nor a whole number, or a caption that is no text")


@dataclasses.dataclass(frozen=True)
class Attribute:
    """An attribute: a question about a face.

    Attributes:
      name: lower-case natural words, such as "hair color".
      values: the possible answers, such as ("no", "yes"); empty if the answer is a number.
      low, high: the smallest and the largest number, both included.
      ranges: for a number, the ranges that are the labels of some faces, such as ("20-29", "70+").

    Raises:
      WrongArgument: a name, values or ranges of other forms, or neither values nor a range.
    """

    name: str
    values: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    ranges: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _is_words(self.name):
            raise WrongArgument(f"attribute name {self.name!r} must be lower-case words with single spaces")
        if not isinstance(self.values, tuple) or not all(map(_is_words, self.values)):
            raise WrongArgument(f"values of '{self.name}' must be a tuple of lower-case words, got {self.values!r}")
        if len(set(self.values)) != len(self.values):
            raise WrongArgument(f"values of '{self.name}' must be different words, got {self.values}")
        ends = [arguments.whole_number(f"'{self.name}', {end}", getattr(self, end), 0, 999) for end in ("low", "high")]
        if not self.values and ends[0] >= ends[1]:
            raise WrongArgument(f"'{self.name}' needs values, or a range low < high, got {self.low}..{self.high}")
        self._check_ranges()

    def _check_ranges(self) -> None:
        if not isinstance(self.ranges, tuple) or (self.ranges and self.values):
            raise WrongArgument(f"'{self.name}': ranges must be a tuple, and only a number has any")
        for text in self.ranges:
            if not isinstance(text, str) or ranges.parse(text) != text or not len(self.numbers(text)) > 1:
                wanted = f"'20-29' or '70+', of two numbers or more in {self.low}..{self.high}"
                raise WrongArgument(f"ranges of '{self.name}' must be texts such as {wanted}, got {text!r}")
        if len(set(self.ranges)) != len(self.ranges):
            raise WrongArgument(f"ranges of '{self.name}' must differ, got {self.ranges}")

    @property
    def is_number(self) -> bool:
        """Whether the answer is a whole number (in `low`..`high`)."""
        return not self.values

    def candidates(self) -> tuple[str, ...]:
        """All values that a face may have, as text, in the order of `values`; numbers from low to high."""
        return self.values or tuple(str(n) for n in range(self.low, self.high + 1))

    def labels(self) -> tuple[str, ...]:
        """All labels that a face may have, as text: `candidates()`, then the ranges of numbers."""
        return self.candidates() + self.ranges

    def numbers(self, label: str | int) -> range:
        """The numbers in low..high that a label allows: "20-29" -> range(20, 30)."""
        left = ranges.numbers(label)
        return range(max(left.start, self.low), min(left.stop, self.high + 1))

    def places(self, label: str | int) -> list[int]:
        """The indices of the `candidates()` that a label allows: one, or all in its range."""
        if not self.is_number:
            return [self.values.index(str(label))]
        return [number - self.low for number in self.numbers(label)]

    def spread(self, probs: np.ndarray) -> np.ndarray:
        """Probabilities of `labels()` [..., L] -> of `candidates()` [..., V]; a range's is divided equally."""
        count = len(self.candidates())
        spread = probs[..., :count]
        for column, text in enumerate(self.ranges, count):
            inside = np.isin(np.arange(count), self.places(text))
            spread = spread + probs[..., column, None] * inside / inside.sum()
        return spread

    def answers(self) -> tuple[str, ...]:
        """The text that answers the question, for each of `labels()`.

        The answer of a yes-or-no attribute is its own name, "hat" or "not hat". Words that no other attribute shares
        are learned much faster than a "yes" whose meaning depends on the question.
        """
        return (f"not {self.name}", self.name) if self.values == ("no", "yes") else self.labels()

    def allowed(self) -> str:
        """The possible answers in words, for messages: "male or female", "a whole number from 1 to 90"."""
        number = f"a whole number from {self.low} to {self.high}"
        return " or ".join(self.values or (number, *self.ranges))

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary that `from_json` can read."""
        if self.is_number:
            some = {"ranges": list(self.ranges)} if self.ranges else {}
            return {"name": self.name, "low": self.low, "high": self.high, **some}
        return {"name": self.name, "values": list(self.values)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Attribute":
        """Inverse of `to_json`. Raises UserError if `values` describe no attribute."""
        try:
            lists = {key: values.get(key, []) for key in ("values", "ranges")}
            if not all(isinstance(each, list) for each in lists.values()):
                raise TypeError("values and ranges must be lists")
            return cls(**{**values, **{key: tuple(each) for key, each in lists.items()}})
        except (AttributeError, TypeError, ValueError) as error:
            wanted = '{"name": ..., "values": [...]} or {"name": ..., "low": ..., "high": ...}'
            raise UserError(f"{values!r} describes no attribute ({error}); write {wanted}") from error


def _is_words(text: object) -> bool:
    return isinstance(text, str) and text != "" and text == squeeze(text)


def squeeze(text: str) -> str:
    """Lower case, single spaces."""
    return " ".join(text.lower().split())


def merge_schemas(schemas: Iterable[Sequence[Attribute]]) -> tuple[Attribute, ...]:
    """Merges schemas: each name once, in order of first appearance, with the union of its values or numbers.

    Raises:
      UserError: a name that is a number in one schema and a choice in another.
    """
    merged: dict[str, Attribute] = {}
    for attribute in (a for schema in schemas for a in schema):
        known = merged.setdefault(attribute.name, attribute)
        if known.is_number != attribute.is_number:
            kinds = f"{known.allowed()} in one source and {attribute.allowed()} in another"
            raise UserError(f"attribute '{attribute.name}' is {kinds}; give one of them another name")
        merged[attribute.name] = Attribute(
            attribute.name,
            tuple(dict.fromkeys(known.values + attribute.values)),
            min(known.low, attribute.low),
            max(known.high, attribute.high),
            tuple(dict.fromkeys(known.ranges + attribute.ranges)),
        )
    return tuple(merged.values())


def parse_answer(attribute: Attribute, text: str) -> str | int | None:
    """The label (an int for a number) of an answer's text or of a label's; None if there is no such value.

    Case and spacing are ignored.
    """
    text = squeeze(text)
    if not attribute.is_number:
        labels = dict(zip(attribute.answers(), attribute.values)) | {value: value for value in attribute.values}
        return labels.get(text)
    if not re.fullmatch(r"[0-9]{1,9}", text):
        known = ranges.parse(text)
        return known if known in attribute.ranges else None
    number = int(text)
    return number if attribute.low <= number <= attribute.high else None


def parse_request(pairs: Sequence[str], schema: Sequence[Attribute]) -> dict[str, str | int]:
    """["hair color=red", "age=34"] -> {"hair color": "red", "age": 34}. Case is ignored; "hair_color" is accepted.

    Raises:
      UserError: no "=", an unknown attribute (the message names the nearest), one named twice, a value it cannot have.
    """
    request: dict[str, str | int] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = squeeze(name.replace("_", " "))
        if not equals or not name:
            raise UserError(f"'{pair}' gives no value; write NAME=VALUE, such as {_example(schema)}")
        if name in request:
            raise UserError(f"attribute '{name}' is given twice, the second time in '{pair}'; give it once")
        request |= check_attributes({name: text.replace("_", " ")}, schema)
    return request


def find_attribute(name: str, schema: Sequence[Attribute]) -> Attribute:
    """The attribute of that name ("hair_color" is accepted). Raises WrongArgument, with the nearest, if none has it."""
    by_name = {a.name: a for a in schema}
    name = squeeze(arguments.text("attribute", name).replace("_", " "))
    if name not in by_name:
        near = nearest(name, by_name)
        known = f"this model knows {', '.join(by_name) or 'none'}"
        hint = f"the nearest is '{near}' ({by_name[near].allowed()})" if near else known
        raise WrongArgument(f"unknown attribute '{name}'; {hint}")
    return by_name[name]


def check_attributes(attributes: Mapping[str, str | int], schema: Sequence[Attribute]) -> dict[str, str | int]:
    """{"hair_color": "Red", "age": "34", "hat": True} -> {"hair color": "red", "age": 34, "hat": "yes"}.

    Raises:
      WrongArgument: an unknown attribute (the message names the nearest), one named twice, or a value it cannot have.
    """
    checked: dict[str, str | int] = {}
    for name, text in attributes.items():
        attribute = find_attribute(name, schema)
        if isinstance(text, bool) and sorted(attribute.values) == ["no", "yes"]:
            text = "yes" if text else "no"
        value = parse_answer(attribute, str.__str__(text) if isinstance(text, str) else str(text))  # str(Enum) differs
        if value is None:
            near = nearest(squeeze(str(text)), attribute.values, 0.6)
            hint = f"; did you mean '{near}'?" if near else ""
            raise WrongArgument(f"attribute '{attribute.name}' must be {attribute.allowed()}, got '{text}'{hint}")
        if attribute.name in checked:
            raise WrongArgument(
                f"attribute '{attribute.name}' is given twice, the second time as '{name}'; give it once"
            )
        checked[attribute.name] = value
    return checked


def _example(schema: Sequence[Attribute]) -> str:
    return f"'{schema[0].name}={schema[0].candidates()[0]}'" if schema else "'gender=male'"
