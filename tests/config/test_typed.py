"""Dictionaries to dataclasses and back: a field's type checks its value, its marks choose it."""

import dataclasses
from typing import Annotated, Literal

import pytest

from t2f_jax.config import typed
from t2f_jax.config.typed import SPARSE, Range
from t2f_jax.errors import UserError

MARK, OTHER = "mark", "other"


@dataclasses.dataclass(frozen=True)
class Inner:
    size: Annotated[int, Range(1, 9)] = 3
    place: Annotated[str, MARK] = "here"


@dataclasses.dataclass(frozen=True)
class Outer:
    rate: Annotated[float, Range(0, 1), OTHER] = 0.5
    kind: Annotated[Literal["a", "b"], MARK] = "a"
    shape: tuple[int, ...] = (1, 2)
    inner: Inner = Inner()
    many: dict[str, Inner] = dataclasses.field(default_factory=dict)
    free: Annotated[float, OTHER] = 1.0
    late: Annotated[str, SPARSE] = "none"


@dataclasses.dataclass(frozen=True)
class Strict:
    size: int
    name: str = ""


WHOLE = Outer(many={"x": Inner(size=2)})


def test_there_and_back_in_the_order_of_the_fields():
    values = typed.to_dict(WHOLE)
    inner = {"size": 3, "place": "here"}
    many = {"x": {"size": 2, "place": "here"}}
    assert values == {"rate": 0.5, "kind": "a", "shape": [1, 2], "inner": inner, "many": many, "free": 1.0}
    assert list(values) == ["rate", "kind", "shape", "inner", "many", "free"]
    assert typed.from_dict(Outer, values) == WHOLE


def test_marked_fields_are_left_out_at_every_depth():
    expected = {"rate": 0.5, "shape": [1, 2], "inner": {"size": 3}, "many": {"x": {"size": 2}}, "free": 1.0}
    assert typed.to_dict(WHOLE, without=(MARK,)) == expected
    assert typed.to_dict(WHOLE, without=(MARK, OTHER)) == {
        k: v for k, v in expected.items() if k not in ("rate", "free")
    }


def test_names_of_marked_fields_at_every_depth():
    assert typed.marked(Outer, MARK) == {"kind", "place"}
    assert typed.marked(Outer, OTHER) == {"rate", "free"}


@pytest.mark.parametrize("values", [{"rate": 1}, {"rate": 0}, {"inner": {"size": 9}}, {"kind": "b"}, {"shape": []}])
def test_the_ends_of_a_range_and_every_choice_are_allowed(values):
    typed.from_dict(Outer, values)


def test_whole_numbers_become_floats_and_lists_tuples():
    values = typed.from_dict(Outer, {"rate": 1, "shape": [4, 5]})
    assert type(values.rate) is float and values.shape == (4, 5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rat": 1.0}, "unknown config key 'at.rat'; the nearest is 'at.rate'"),
        ({"inner": {"sise": 1}}, "unknown config key 'at.inner.sise'; the nearest is 'at.inner.size'"),
        ({"rate": "1"}, "config key 'at.rate' must be of type float, got '1'"),
        ({"rate": 1.5}, "config key 'at.rate' must lie between 0 and 1, got 1.5"),
        ({"rate": float("nan")}, "config key 'at.rate' must lie between 0 and 1, got nan"),
        ({"free": float("nan")}, "config key 'at.free' must be a finite number, got nan"),
        ({"free": float("-inf")}, "config key 'at.free' must be a finite number, got -inf"),
        ({"rate": 10**400}, "config key 'at.rate' must be of type float, got 100000000000000000...0000000000000000000"),
        ({"inner": {"size": 0}}, "config key 'at.inner.size' must lie between 1 and 9, got 0"),
        ({"inner": {"size": True}}, "config key 'at.inner.size' must be of type int, got True"),
        ({"many": {"x": {"size": 10}}}, "config key 'at.many.x.size' must lie between 1 and 9, got 10"),
        ({"kind": "c"}, "config key 'at.kind' must be one of a, b, got 'c'"),
        ({"kind": 1}, "config key 'at.kind' must be one of a, b, got 1"),
        ({"shape": 3}, "config key 'at.shape' must be a tuple such as (1, 2, 4), got 3"),
        ({"shape": (1, "x")}, "config key 'at.shape' must be of type int, got 'x'"),
        ({"inner": 3}, "config part 'at.inner' must hold named values, got 3"),
        ({"many": 3}, "config part 'at.many' must hold named values, got 3"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(values, message):
    with pytest.raises(UserError) as caught:
        typed.from_dict(Outer, values, "at.")
    assert str(caught.value) == message


def test_a_key_without_a_default_must_be_there():
    assert typed.from_dict(Strict, {"size": 3}) == Strict(3)
    with pytest.raises(UserError, match=r"config key 'at\.size' is missing"):
        typed.from_dict(Strict, {"name": "x"}, "at.")


def test_the_dotted_keys_of_nested_values():
    assert typed.flat_keys({"a": {"b": 1, "c": {"d": 2}}, "e": 3}) == ["a.b", "a.c.d", "e"]


def test_a_sparse_field_is_recorded_where_it_is_not_its_default():
    late = dataclasses.replace(WHOLE, late="some")
    assert "late" not in typed.to_dict(WHOLE) and typed.to_dict(late)["late"] == "some"
    assert typed.from_dict(Outer, typed.to_dict(late)) == late and typed.from_dict(Outer, typed.to_dict(WHOLE)) == WHOLE
