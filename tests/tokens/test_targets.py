"""Labels as arrays."""

import numpy as np

from t2f_jax.tokens import targets
from t2f_jax.tokens.attributes import Attribute

SCHEMA = (Attribute("age", (), 10, 90), Attribute("hat", ("no", "yes")), Attribute("hair", ("red", "black", "gray")))


def test_what_is_unknown_is_told_apart():
    fields = [
        {"attributes": {"age": 30, "hair": "gray"}, "captions": []},
        {"attributes": {"hat": "no", "eyes": "blue"}, "captions": []},
    ]
    choices, numbers = targets.targets(fields, SCHEMA)
    np.testing.assert_array_equal(choices, [[targets.UNKNOWN, 2], [0, targets.UNKNOWN]])
    np.testing.assert_array_equal(numbers, np.array([[0.25], [np.nan]], np.float32))
    assert choices.dtype == np.int32 and numbers.dtype == np.float32


def test_a_range_is_no_number_to_predict():
    fields = [{"attributes": {"age": "20-29"}, "captions": []}]
    _, numbers = targets.targets(fields, [Attribute("age", (), 10, 90, ("20-29",))])
    assert np.isnan(numbers).all()


def test_outputs_have_a_slot_for_each_value():
    np.testing.assert_array_equal(targets.value_mask(SCHEMA), [[True, True, False], [True, True, True]])
    assert targets.output_count(SCHEMA) == 2 * 3 + 1
    assert targets.output_count(SCHEMA[:1]) == 1  # a number has no slots
