import enum
import json

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


def test_a_member_of_an_enumeration_of_words_is_its_word():
    class Color(str, enum.Enum):  # noqa: UP042  # a StrEnum is its word by itself
        RED = "red"

    assert check_attributes({"hair color": Color.RED}, SCHEMA) == {"hair color": "red"}
