import numpy as np
from fake_model import SCHEMA, ages

from t2f_jax.evaluation.ceiling import ceiling_figures, judged, likeliest

SEEN = [{"gender": "male", "hat": "no", "age": 30}, {"gender": "male", "hat": "yes", "age": 50}]
AGAIN = [{"gender": "male", "hat": "no", "age": 33}, {"gender": "female", "hat": "yes", "age": 49}]
LABELS = [{"gender": "male", "age": 31}, {"gender": "male", "hat": "no", "age": "40-49"}]


def test_what_survives_by_hand():
    figures = ceiling_figures("judge", judged(SEEN), judged(AGAIN), LABELS, SCHEMA)
    found = {f.name.removeprefix("ceiling/judge/"): f.value for f in figures}
    assert found["kept"] == 3 / 4 and found["gender/kept"] == 1 / 2 and found["hat/kept"] == 1
    assert found["accuracy"] == (1 + 0) / 2 and found["accuracy_again"] == (1 / 2 + 0) / 2
    assert (found["age/shift"], found["age/moved"]) == (1, 2)
    assert (found["age/mae"], found["age/mae_again"]) == ((1 + 1) / 2, (2 + 0) / 2)  # 50 lies 1 above 40-49


def test_a_reader_who_knows_no_attribute_gives_no_figure():
    assert ceiling_figures("judge", judged([{}]), judged([{}]), [{}], SCHEMA) == []


def test_the_likeliest_value_and_the_median_are_read():
    answers = {
        "gender": np.array([[0.4, 0.6]]),
        "hat": np.array([[0.7, 0.3]]),
        "age": np.stack([ages(a20=0.4, a34=0.3, a50=0.3)]),
    }
    seen = {name: values.tolist() for name, values in likeliest(answers, SCHEMA).items()}
    assert seen == {"gender": ["female"], "hat": ["no"], "age": [34]}
