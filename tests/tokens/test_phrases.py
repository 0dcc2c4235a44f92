from t2f_jax.data import names
from t2f_jax.data.datasets import celeba, utkface
from t2f_jax.data.datasets.synthetic import labels as synthetic
from t2f_jax.tokens import phrases

SCHEMAS = {"synthetic": synthetic.SCHEMA, "celeba": celeba.SCHEMA, "utkface": utkface.SCHEMA}
SCHEMAS["others"] = (*names.schema((*names.SAME, *names.OTHERS)), names.EXPRESSION)


def test_every_positive_label_is_put_into_words():
    for schema in SCHEMAS.values():
        for attribute in schema:
            for value in attribute.values:
                if attribute.name == "gender" or value in ("no", "other"):
                    continue
                said = phrases.PHRASES.get(attribute.name, {}) | phrases.HAIR_WORDS.get(attribute.name, {})
                assert said.get(value), (attribute.name, value)


def test_the_tables_name_known_attributes_and_roles():
    known = {a.name for schema in SCHEMAS.values() for a in schema}
    assert set(phrases.PHRASES) | set(phrases.HAIR_WORDS) <= known
    assert set(phrases.NEGATIVES_OF) | set(phrases.ADJECTIVE_ORDER) <= known
    for name, ways in phrases.PHRASES.items():
        for way in (way for said in ways.values() for way in said):
            role = way.split()[0]
            assert role in ("adj", "has", "wears", "lacks", "is", "states", "place", "also"), way
            assert role != "adj" or name in phrases.ADJECTIVE_ORDER
