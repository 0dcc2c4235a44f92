import numpy as np
from fake_model import SCHEMA, ages

from t2f_jax.inference import answers


def test_answers_of_one_face():
    probabilities = {"hat": np.array([1.0, 3.0]), "age": ages(a10=0.2, a30=0.35, a31=0.45)}
    assert answers.answers(probabilities, SCHEMA) == {
        "hat": {"value": "yes", "probability": 0.75},
        "age": {"value": 30, "low": 10, "high": 31},
    }
