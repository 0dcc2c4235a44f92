import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2f_jax.errors import UserError
from t2f_jax.tokens import templates
from t2f_jax.tokens.attributes import Attribute, parse_answer

GENDER = Attribute("gender", ("male", "female"))
AGE = Attribute("age", low=1, high=90)
SCHEMA = (GENDER, Attribute("hair color", ("black", "brown", "red")), Attribute("glasses", ("no", "yes")), AGE)


@given(st.sampled_from(SCHEMA), st.data())
def test_parse_answer_inverts_attribute_answer(attribute, data):
    text = data.draw(st.sampled_from(attribute.candidates()))
    value = int(text) if attribute.is_number else text
    answer = templates.attribute_answer(attribute, value)
    assert answer == attribute.answers()[attribute.candidates().index(text)]
    assert parse_answer(attribute, text) == value
    assert parse_answer(attribute, f"  {answer.upper()} ") == value
    assert type(parse_answer(attribute, answer)) is type(value)


@pytest.mark.parametrize(
    "attribute, text",
    [
        (GENDER, ""),
        (GENDER, "man"),
        (AGE, "0"),
        (AGE, "91"),
        (AGE, "3.5"),
        (AGE, "-3"),
        (AGE, "1_0"),
        (AGE, "٣"),
        (AGE, "yes"),
    ],
)
def test_what_is_no_answer_is_none(attribute, text):
    assert parse_answer(attribute, text) is None
    with pytest.raises(ValueError, match=attribute.name):
        templates.attribute_answer(attribute, text)


def test_the_words_of_sequences():
    assert templates.attribute_question("gender") == "gender :"
    attributes = {"gender": "male", "glasses": "yes", "age": 34}
    assert templates.attributes_text(attributes) == "gender : male , glasses , age : 34"
    assert templates.image_text(" A man\nsmiles. ") == "A man smiles."
    assert templates.image_text(None, {"age": 3}) == "age : 3"
    assert templates.image_text("A man.", attributes) == "A man. gender : male , glasses , age : 34"
    for nothing in [(None, None), ("  ", {})]:
        with pytest.raises(UserError, match="give a caption"):
            templates.image_text(*nothing)


def test_sentences_begin_with_a_capital():
    assert templates.sentence_case("a man. he smiles! is it so? yes") == "A man. He smiles! Is it so? Yes"
