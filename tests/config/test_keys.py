"""Keys in words: each has a meaning, and the type, choices and range that the schema checks."""

import dataclasses
from typing import Annotated

from t2f_jax import config
from t2f_jax.config import keys
from t2f_jax.config.typed import Range, flat_keys

ALL = {key.name: key for key in keys.all_keys()}


def test_every_key_of_a_config_is_there():
    values = config.base_config()
    config.source(values, "NAME")
    assert sorted(ALL) == sorted(flat_keys(values))


def test_every_key_has_a_meaning():
    missing = [name for name, key in ALL.items() if not key.meaning]
    assert missing == [], "say in a comment on the field's line in config/schema.py, or above it, what it means"


def test_what_is_told_of_a_key():
    width = ALL["decoder.model.width"]
    assert (width.kind, width.low, width.high, width.default, width.free) == ("int", 1, 10**6, 192, False)
    assert width.range == "1 to 1,000,000" and width.meaning == "Width of the residual stream."
    assert ALL["image.optim.schedule"].kind == "one of cosine, linear" and ALL["image.optim.schedule"].range == ""
    assert ALL["image.model.ch_mult"].kind == "tuple of int" and ALL["image.model.ch_mult"].range == "1 to 1,000"
    assert ALL["decoder.train.mesh"].free and ALL["eval.top_p"].default == 0.95
    assert ALL["eval.top_p"].meaning == ALL["eval.top_p"].meaning.strip() != ""


@dataclasses.dataclass(frozen=True)
class Part:
    """A part."""

    a: int = 1  # stands on the line

    # stands above,
    # in two lines: "b" or nothing
    b: Annotated[float, Range(0.5, 2)] = 1.5  # and inside
    c: str = ""


@dataclasses.dataclass(frozen=True)
class Longer(Part):
    """Inherits the meanings of a part."""

    a: int = 2
    d: bool = False  # May it?


def test_a_meaning_is_the_comment_that_stands_with_the_field():
    told = {"a": "Stands on the line.", "b": 'Stands above, in two lines: "b" or nothing and inside.', "c": ""}
    assert keys.meanings(Part) == told
    assert keys.meanings(Longer) == {**told, "d": "May it?"}
    assert [key.range for key in keys.all_keys(Part)] == ["", "0.5 to 2", ""]
