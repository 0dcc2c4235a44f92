"""Prompts for faces: a text, attributes with weights, and attributes that the face should not show.

A prompt becomes clauses, each with its weight. By compositional guidance (Liu et al., 2022, arXiv:2206.01714) an id is
sampled from

    logits without words + sum over clauses of weight * (logits with that clause - logits without words)

The text and all attributes without their own weight are one clause, whose weight is the sampler's `guidance`; an
attribute with a weight is a separate clause, and one to avoid is a clause of negative weight. `repeat_numbers` requests
the numbers of the first clause, such as the age, a second time.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from t2f_jax import arguments
from t2f_jax.errors import UserError, WrongArgument
from t2f_jax.tokens import templates
from t2f_jax.tokens.attributes import Attribute, check_attributes, parse_request
from t2f_jax.tokens.facts import read_facts

Value = str | int
Requests = Mapping[str, Value | tuple[Value, float]]  # {name: value} or {name: (value, weight)}


@dataclasses.dataclass(frozen=True)
class Clause:
    """A single requested or avoided attribute; its weight is `weight` or, if that is None, the guidance."""

    name: str
    value: Value
    weight: float | None
    avoid: bool = False

    def __str__(self) -> str:
        weight = "guidance" if self.weight is None else f"{self.weight:g}"
        return f"{'-' if self.avoid else '+'} {weight} * ({templates.attributes_text({self.name: self.value})})"


@dataclasses.dataclass(frozen=True)
class Prompt:
    """What a face should show. Use `make`, which checks all of it. An empty prompt leaves everything to the model.

    Attributes:
      text: a description.
      attributes: requested together with the text, in one sentence: {name: value}.
      clauses: attributes with their own weight, and those to avoid.
    """

    text: str = ""
    attributes: Mapping[str, Value] = dataclasses.field(default_factory=dict)
    clauses: tuple[Clause, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", arguments.text("text", self.text))

    @property
    def sentence(self) -> str:
        """The text of the first clause, in the form used in training; empty if there is none."""
        return templates.image_text(self.text, self.attributes) if self.text.strip() or self.attributes else ""

    @property
    def wanted(self) -> dict[str, Value]:
        """All requested attributes, with any weight."""
        return {**self.attributes, **{c.name: c.value for c in self.clauses if not c.avoid}}

    @property
    def avoided(self) -> dict[str, Value]:
        """All attributes to avoid."""
        return {c.name: c.value for c in self.clauses if c.avoid}

    @property
    def says_something(self) -> bool:
        """Whether anything is requested or to be avoided."""
        return bool(self.sentence or self.clauses)

    def weighted(self, guidance: float) -> list[tuple[str, float]]:
        """(text, weight) of every clause."""
        clauses = [(self.sentence, guidance)] if self.sentence else []
        for clause in self.clauses:
            weight = guidance if clause.weight is None else clause.weight
            words = templates.image_text(None, {clause.name: clause.value})
            clauses.append((words, -weight if clause.avoid else weight))
        return clauses

    def __str__(self) -> str:
        return " ".join(filter(None, [self.sentence, *map(str, self.clauses)]))


def make(text: str, attributes: Requests | None, avoid: Requests | None, schema: Sequence[Attribute]) -> Prompt:
    """Makes a checked prompt.

    Args:
      attributes: {name: value}, or {name: (value, weight)} for a separate clause.
      avoid: likewise; without a weight, the guidance is its weight.

    Raises:
      WrongArgument: an attribute or value that the schema does not have (the message names the nearest), one given
        twice, a weight that is no number above 0, a value both requested and to be avoided, or invalid Unicode.
    """
    plain: dict[str, Value] = {}
    clauses: list[Clause] = []
    for what, requests, avoided in (("attributes", attributes, False), ("avoid", avoid, True)):
        pairs = arguments.mapping(what, {} if requests is None else requests, '{"age": 30}')
        weights = {name: _split(name, request) for name, request in pairs.items()}
        checked = check_attributes({name: value for name, (value, _) in weights.items()}, schema)
        for (name, value), (_, weight) in zip(checked.items(), weights.values()):
            if weight is None and not avoided:
                plain[name] = value
            else:
                clauses.append(Clause(name, value, weight, avoided))
    prompt = Prompt(text, plain, tuple(clauses))
    for name, value in prompt.avoided.items():
        if prompt.wanted.get(name) == value:
            raise WrongArgument(f"attribute '{name}' is {value} both in what is asked for and in what to avoid")
    return prompt


def repeat_numbers(prompt: Prompt, weight: float, schema: Sequence[Attribute]) -> Prompt:
    """Requests each number among `prompt.attributes`, such as the age, a second time, as a clause of this weight.

    A number that is the whole sentence is not repeated, nor any at weight 0.
    """
    if not weight or (not prompt.text.strip() and len(prompt.attributes) < 2):
        return prompt
    numbers = [a.name for a in schema if a.is_number and a.name in prompt.attributes]
    clauses = [Clause(name, prompt.attributes[name], weight) for name in numbers]
    return dataclasses.replace(prompt, clauses=(*prompt.clauses, *clauses))


def with_facts(prompt: Prompt, schema: Sequence[Attribute]) -> Prompt:
    """Adds the facts that a prompt's text states to its attributes, so that a face can be scored on each.

    What it already requests or avoids stays the same; an attribute with two stated values is left out.
    """
    known, stated = {a.name: a for a in schema}, dict[str, set[Value]]()
    for name, value in read_facts(prompt.text, known):
        choices = known[name].candidates()
        if isinstance(value, range):  # of ages
            inside = [number for number in choices if int(number) in value]
            value = "-".join(dict.fromkeys([inside[0], inside[-1]])) if inside else ""
        if value and (known[name].is_number or value in choices):
            stated.setdefault(name, set()).add(value)
    taken = {**prompt.wanted, **prompt.avoided}
    facts = {name: value for name, (value, *others) in stated.items() if not others and name not in taken}
    return dataclasses.replace(prompt, attributes={**prompt.attributes, **facts})


def _split(name: str, request: Any) -> tuple[Value, float | None]:
    if not isinstance(request, (tuple, list)):
        return request, None
    if len(request) != 2:
        raise WrongArgument(f"attribute '{name}' takes a value or (value, weight), got {request!r}")
    weight = arguments.number(f"attribute '{name}': weight", request[1], lambda x: x > 0, "above 0")
    return request[0], float(weight)


def parse(pairs: Sequence[str], schema: Sequence[Attribute]) -> dict[str, Value | tuple[Value, float]]:
    """["hair color=red:2", "age=34"] -> {"hair color": ("red", 2.0), "age": 34}, for `make`.

    Raises:
      UserError: as `parse_request`, or a weight that is no number above 0.
    """
    requests: dict[str, Value | tuple[Value, float]] = {}
    for pair in pairs:
        words, colon, weight = pair.partition(":")
        ((name, value),) = parse_request([words], schema).items()
        if name in requests:
            raise UserError(f"attribute '{name}' is given twice, the second time in '{pair}'; give it once")
        requests[name] = (value, _weight(pair, weight)) if colon else value
    return requests


def _weight(pair: str, text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise UserError(f"'{pair}': the weight after ':' must be a number above 0, such as {pair.split(':')[0]}:2")
    return weight
