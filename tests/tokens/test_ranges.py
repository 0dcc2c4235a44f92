import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2f_jax.tokens import ranges


def test_by_hand():
    assert ranges.write(20, 29) == "20-29" and ranges.write(70) == "70+" and ranges.write(5, 5) == 5
    assert ranges.numbers("20-29") == range(20, 30) and ranges.numbers(34) == range(34, 35)
    assert ranges.numbers("70+") == range(70, 1000)
    assert [ranges.parse(text) for text in ("20 - 29", "20–29", "70 +", "70", "29-20", "a-b", "-5", "1-2-3")] == [
        *("20-29", "20-29", "70+"),
        *[None] * 5,
    ]
    assert [ranges.distance("20-29", n) for n in (17, 20, 29, 31)] == [3, 0, 0, 2]
    assert ranges.distance(34, 30) == ranges.distance(26, 30) == 4


@pytest.mark.parametrize("ends", [(5, 4), (-1, 4), (0, 1000), (1000, None)])
def test_what_is_no_range_is_refused(ends):
    with pytest.raises(ValueError, match=r"should lie within 0\.\.999"):
        ranges.write(*ends)
    with pytest.raises(ValueError, match=r"invalid literal"):
        ranges.numbers("old")


@given(st.integers(0, 999), st.integers(0, 999))
def test_what_is_written_is_read(low, width):
    high = min(low + width, 999)
    label = ranges.write(low, high)
    assert ranges.numbers(label) == range(low, high + 1)
    assert high == low or ranges.parse(str(label)) == label
