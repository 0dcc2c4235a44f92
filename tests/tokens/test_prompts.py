"""What a text states becomes attributes that a face is read for."""

import pytest

from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.prompts import make, with_facts

SCHEMA = (
    Attribute("gender", ("female", "male")),
    Attribute("smile", ("no", "yes")),
    Attribute("hair color", ("black", "red")),
    Attribute("age", low=20, high=90),
)


@pytest.mark.parametrize(
    "text, facts",
    [
        ("a smiling woman with red hair", {"gender": "female", "smile": "yes", "hair color": "red"}),
        ("a man with blond hair and a scar", {"gender": "male"}),  # a value that the schema has not
        ("a man and a woman with black hair", {"hair color": "black"}),  # two values
        ("a 34-year-old man", {"gender": "male", "age": "34"}),
        ("a woman in her thirties", {"gender": "female", "age": "30-39"}),
        ("a man in his teens", {"gender": "male"}),  # no age that the schema has
        ("with freckles", {}),
        ("", {}),
    ],
)
def test_facts_of_a_text(text, facts):
    assert with_facts(make(text, None, None, SCHEMA), SCHEMA).attributes == facts


def test_what_is_asked_for_or_avoided_stays():
    prompt = make("a smiling woman of 40 with red hair", {"age": 30}, {"smile": "yes"}, SCHEMA)
    asked = with_facts(prompt, SCHEMA)
    assert asked.attributes == {"age": 30, "gender": "female", "hair color": "red"}
    assert asked.clauses == prompt.clauses and asked.text == prompt.text
