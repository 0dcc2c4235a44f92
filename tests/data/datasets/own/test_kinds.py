import collections

import pytest

from t2f_jax.data.datasets.own import kinds
from t2f_jax.errors import UserError


def kind_of(name, *cells):
    texts = [text for text in map(kinds.text_of, cells) if text is not None]
    return kinds.of_column(name, collections.Counter(texts), len(cells))


def labels(name, *cells):
    kind = kind_of(name, *cells)
    return [None if (text := kinds.text_of(cell)) is None else kind.label(text) for cell in cells]


@pytest.mark.parametrize(
    "cells",
    [("yes", "no"), ("True", "False"), (True, False), (1, 0), ("1", "-1"), (1.0, 0.0), ("1.0", "0.0"), ("YES ", " no")],
)
def test_yes_or_no_is_read_however_it_is_written(cells):
    assert kind_of("scar", *cells).attribute.values == ("no", "yes")
    assert labels("scar", *cells) == ["yes", "no"]


def test_zero_between_one_and_minus_one_is_unknown():
    assert labels("scar", "1", "0", "-1", "-1") == ["yes", None, "no", "no"]


@pytest.mark.parametrize("cell", ["", " ", "NA", "n/a", "NaN", "null", "Unknown", "?", None, float("nan")])
def test_what_is_unknown_is_no_label(cell):
    assert kinds.text_of(cell) is None


def test_numbers():
    assert labels("age", "31", 4, 7.0, "8.0", None) == [31, 4, 7, 8, None]
    assert (kind_of("age", "31").attribute.low, kind_of("age", "31").attribute.high) == (0, 120)
    height = kind_of("height", "150", "199", "170").attribute
    assert height.is_number and (height.low, height.high) == (150, 199)
    with pytest.raises(UserError, match="'150' should be a whole number from 0 to 120"):
        labels("age", "30", "150")


def test_an_age_may_be_a_range():
    cells = ("20-29", "70+", "20 - 29", "31", "0-2")
    assert labels("age", *cells) == ["20-29", "70+", "20-29", 31, "0-2"]
    assert kind_of("age", *cells).attribute.ranges == ("0-2", "20-29", "70+")
    for wrong in ("29-20", "130+", "20-"):
        with pytest.raises(UserError, match="should be a whole number from 0 to 120"):
            labels("age", "31", wrong)


def test_a_mistake_among_many_is_named():
    with pytest.raises(UserError, match="'maybe' should be yes or no"):
        labels("eyeglasses", "yes", "no", "maybe")  # a name that other sets have, too
    with pytest.raises(UserError, match="'yess' should be yes or no"):
        labels("scar", *["yes", "no"] * 10, "yess")
    with pytest.raises(UserError, match="'tall' should be a whole number from 150 to 169"):
        labels("height", *range(150, 170), "tall")


def test_genders():
    assert labels("gender", "M", "female", "Woman", "boy") == ["male", "female", "female", "male"]
    assert labels("gender", "M", "Non-binary") == ["male", "non-binary"]
    with pytest.raises(UserError, match="'0' should be male or female; sets differ in which number is which"):
        labels("gender", 0, 1)


def test_a_few_words_are_values():
    assert kind_of("hair", "Light_Brown", "red", "black").attribute.values == ("black", "light brown", "red")
    kind = kind_of("name", *(f"person {k}" for k in range(9)))
    assert kind.attribute is None and "9 different texts, too many" in kind.why


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["a", "a"], "always 'a'"),
        (["7", "7"], "always 7"),
        ([""], "it is empty"),
        (["1.5", "2.5"], "numbers that are not whole ones"),
        (["1000", "1"], "numbers above 999"),
        (["a, b", "c"], "'a, b' is no short answer"),
        (["one two three four five", "c"], "no short answer"),
        ([f"text {k}" for k in range(200)], "200 different texts"),
    ],
)
def test_what_cannot_be_asked_says_why(cells, why):
    kind = kind_of("thing", *cells)
    assert kind.attribute is None and why in kind.why


def test_a_list_is_no_label():
    with pytest.raises(UserError, match="a list; a word or a number should stand here"):
        kinds.text_of([1, 2])
