import enum
import json

import numpy as np
import pytest

from t2f_jax.errors import UserError
from t2f_jax.tokens.attributes import (
    Attribute,
    check_attributes,
    find_attribute,
    merge_schemas,
    parse_request,
)

GENDER = Attribute("gender", ("male", "female"))
HAIR = Attribute("hair color", ("black", "brown", "red"))
GLASSES = Attribute("glasses", ("no", "yes"))
AGE = Attribute("age", low=1, high=90)
SCHEMA = (GENDER, HAIR, GLASSES, AGE)


def test_candidates():
    assert GENDER.candidates() == ("male", "female") and not GENDER.is_number
    assert AGE.is_number and len(AGE.candidates()) == 90 and AGE.candidates()[33] == "34"


@pytest.mark.parametrize(
    "wrong", [{"name": "Gender", "values": ("a",)}, {"name": "x", "values": ("a", "a")}, {"name": "x"}, {"name": ""}]
)
def test_an_attribute_is_checked(wrong):
    with pytest.raises(ValueError):
        Attribute(**wrong)


@pytest.mark.parametrize("attribute", SCHEMA)
def test_json_round_trip(attribute):
    assert Attribute.from_json(json.loads(json.dumps(attribute.to_json()))) == attribute


@pytest.mark.parametrize(
    "wrong", [{}, {"name": "x"}, {"name": "x", "values": 3}, {"nome": "x"}, [1], {"name": 3, "values": []}]
)
def test_broken_json_is_a_user_error(wrong):
    with pytest.raises(UserError, match="describes no attribute"):
        Attribute.from_json(wrong)


def test_merge_schemas():
    other = (
        Attribute("age", low=5, high=116),
        Attribute("gender", ("female", "other")),
        Attribute("hat", ("no", "yes")),
    )
    assert merge_schemas([SCHEMA, other]) == (
        Attribute("gender", ("male", "female", "other")),
        HAIR,
        GLASSES,
        Attribute("age", low=1, high=116),
        Attribute("hat", ("no", "yes")),
    )
    assert merge_schemas([]) == ()
    with pytest.raises(
        UserError, match="'age' is a whole number from 1 to 90 in one source and young or old in another"
    ):
        merge_schemas([SCHEMA, [Attribute("age", ("young", "old"))]])


RANGED = Attribute("age", (), 0, 90, ("0-2", "3-9", "70+"))


def test_ranges_are_labels_beside_the_numbers():
    assert RANGED.candidates() == tuple(map(str, range(91)))
    assert RANGED.labels() == RANGED.answers() == (*RANGED.candidates(), "0-2", "3-9", "70+")
    assert RANGED.numbers("70+") == range(70, 91) and RANGED.numbers(5) == range(5, 6)
    assert RANGED.places("3-9") == [3, 4, 5, 6, 7, 8, 9] and HAIR.places("red") == [2]
    assert AGE.places(1) == [0]
    assert RANGED.allowed() == "a whole number from 0 to 90 or 0-2 or 3-9 or 70+"
    assert Attribute.from_json(json.loads(json.dumps(RANGED.to_json()))) == RANGED
    assert "ranges" not in AGE.to_json()
    assert merge_schemas([[AGE], [RANGED], [Attribute("age", (), 0, 99, ("10-19", "0-2"))]]) == (
        Attribute("age", (), 0, 99, ("0-2", "3-9", "70+", "10-19")),
    )


def test_a_range_can_be_asked_for_where_the_schema_has_it():
    assert parse_request(["age=3-9"], [RANGED]) == {"age": "3-9"}
    assert check_attributes({"age": "70 +"}, [RANGED]) == {"age": "70+"}
    with pytest.raises(UserError, match=r"must be a whole number from 1 to 90, got '3-9'"):
        parse_request(["age=3-9"], SCHEMA)
    with pytest.raises(UserError, match=r"or 70\+, got '3-8'"):
        parse_request(["age=3-8"], [RANGED])


def test_the_probability_of_a_range_is_shared_by_its_numbers():
    probs = np.zeros((2, 94))
    probs[:, [4, 92, 93]] = 0.3, 0.49, 0.21
    spread = RANGED.spread(probs)
    assert spread.shape == (2, 91) and np.allclose(spread.sum(-1), 1)
    assert np.allclose(spread[0, 3:10], [0.07, 0.37, *[0.07] * 5]) and np.allclose(spread[1, 70:], 0.01)
    exact = np.full(90, 1 / 90)
    assert AGE.spread(exact) is exact or np.array_equal(AGE.spread(exact), exact)


@pytest.mark.parametrize("ranges", [("20-29", "20-29"), ("29-20",), ("20",), (20,), ["20-29"], ("80-89+",), ("95+",)])
def test_ranges_are_checked(ranges):
    with pytest.raises(UserError, match=r"'age'"):
        Attribute("age", (), 1, 90, ranges)
    with pytest.raises(UserError, match=r"only a number"):
        Attribute("hat", ("no", "yes"), 0, 9, ("1-2",))


def test_parse_request():
    request = parse_request(["Hair_Color= RED", "age=34", "glasses=yes"], SCHEMA)
    assert request == {"hair color": "red", "age": 34, "glasses": "yes"}
    assert parse_request([], SCHEMA) == {}


@pytest.mark.parametrize(
    "pair, message",
    [
        ("gender", "write NAME=VALUE, such as 'gender=male'"),
        ("=male", "write NAME=VALUE"),
        ("glases=yes", r"unknown attribute 'glases'; the nearest is 'glasses' \(no or yes\)"),
        ("hair color=rad", "must be black or brown or red, got 'rad'; did you mean 'red'"),
        ("age=120", "must be a whole number from 1 to 90, got '120'"),
        ("age=", "must be a whole number from 1 to 90"),
    ],
)
def test_a_wrong_request_says_what_would_be_right(pair, message):
    with pytest.raises(UserError, match=message) as error:
        parse_request([pair], SCHEMA)
    assert "\n" not in str(error.value)


def test_a_request_may_not_repeat_itself():
    with pytest.raises(UserError, match="'hair color' is given twice"):
        parse_request(["hair color=red", "hair_color=black"], SCHEMA)
    with pytest.raises(UserError, match="this model knows none"):
        parse_request(["age=3"], ())


def test_names_and_values_are_taken_as_people_write_them():
    assert check_attributes({"Hair_color": "Red", "age": "34"}, SCHEMA) == {"hair color": "red", "age": 34}
    assert find_attribute("hair_color", SCHEMA) is HAIR


def test_yes_and_no_may_be_true_and_false():
    assert check_attributes({"glasses": True}, SCHEMA) == {"glasses": "yes"}
    assert check_attributes({"glasses": False}, SCHEMA) == {"glasses": "no"}
    for name in ("age", "hair color"):
        with pytest.raises(UserError, match="got 'True'"):
            check_attributes({name: True}, SCHEMA)


def test_a_member_of_an_enumeration_of_words_is_its_word():
    class Color(str, enum.Enum):  # noqa: UP042  # a StrEnum is its word by itself
        RED = "red"

    assert check_attributes({"hair color": Color.RED}, SCHEMA) == {"hair color": "red"}
