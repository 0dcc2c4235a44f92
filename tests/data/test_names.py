from t2f_jax.data import names
from t2f_jax.data.datasets import celeba_files
from t2f_jax.tokens.attributes import Attribute


def test_a_column_is_the_same_however_it_is_spelled():
    assert {names.column(c) for c in ("5_o_Clock_Shadow", "5 o' Clock Shadow", "5 o Clock  Shadow")} == {
        "5 o clock shadow"
    }


def test_present_absent_and_unknown_are_kept_apart():
    assert names.labels({"Male": True, "Bald": False, "Bangs": None, "Smiling": True}) == {
        "gender": "male",
        "bald": "no",
        "smiling": "yes",
    }


def test_columns_of_other_names_say_what_they_say():
    assert names.labels({"Mouth_Closed": False, "No_Eyewear": True, "Asian": True, "Senior": True, "Flash": True}) == {
        "mouth slightly open": "yes",
        "eyeglasses": "no",
        "ethnicity": "asian",
        "young": "no",
    }
    assert names.labels({"No_Eyewear": False, "Asian": False, "Senior": False}) == {}


def test_what_columns_contradict_each_other_on_is_unknown():
    assert names.labels({"Asian": True, "White": True, "Young": True, "Middle_Aged": True, "Male": False}) == {
        "gender": "female"
    }
    assert names.labels({"Mouth Closed": False, "Mouth Slightly Open": True, "Mouth Wide Open": False}) == {
        "mouth slightly open": "yes"
    }


def test_a_schema_holds_what_columns_say_something_of():
    assert names.schema(["Male", "Asian", "White", "Flash", "Attractive", "Child"]) == (
        names.GENDER,
        names.ETHNICITY,
        Attribute("young", ("no", "yes")),
    )
    assert names.labels({"Attractive": True}) == {} and names.labels({"Attractive": True}, ()) == {"attractive": "yes"}
    assert len(names.schema(celeba_files.COLUMNS, ())) == 40 and len(names.schema(celeba_files.COLUMNS)) == 38


def test_genders_in_the_words_of_the_sets():
    assert [names.gender(word) for word in ("M", " f", "Female", "male", "U", "")] == [
        "male",
        "female",
        "female",
        "male",
        None,
        None,
    ]
