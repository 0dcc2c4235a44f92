"""What people send, checked."""

import numpy as np
import pytest

from t2f_jax.demo import asking
from t2f_jax.demo.limits import Limits
from t2f_jax.errors import UserError

LIMITS = Limits()
GOOD = {"text": "a man", "attributes": [], "avoid": [], "n": 2, "best_of": 0, "seed": 5, "guidance": None}


def ask(model, **changes):
    return asking.faces(model, LIMITS, **{**GOOD, **changes})


def test_faces_as_the_model_is_asked(model):
    request = ask(model, attributes=["age=34", "glasses=yes:2"], avoid=["gender=male"], guidance=3, best_of=5)
    assert (request.n, request.keep, [*request.seeds], request.sampler.guidance) == (5, 2, [5, 6, 7, 8, 9], 3)
    assert request.prompt == model.prompt("a man", {"age": 34, "glasses": ("yes", 2.0)}, {"gender": "male"})
    assert ask(model, attributes="age=34").prompt.wanted == {"age": 34}
    plain = ask(model)
    assert (plain.n, plain.keep, plain.sampler) == (2, None, model.sampler)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": "", "attributes": []}, "the prompt is empty"),
        ({"text": "x" * 1001}, "the text has 1001 characters; write at most 1000"),
        ({"text": 5}, "text=5 must be a str"),
        ({"text": ["a"]}, "must be a str"),
        ({"text": "\ud800"}, "invalid character"),
        ({"attributes": {"age": 3}}, "attributes="),
        ({"attributes": [3]}, r"attributes\[0\]=3 must be a str"),
        ({"attributes": ["age=3"] * 101}, "attributes is too long"),
        ({"attributes": ["agee=3"]}, "the nearest is 'age'"),
        ({"attributes": ["age=300"]}, "a whole number from 1 to 90"),
        ({"avoid": ["age"]}, "gives no value"),
        ({"n": 0}, "n=0 must be a whole number from 1 to 8"),
        ({"n": "2"}, "n='2' must be a whole number"),
        ({"n": 2.5}, "n=2.5 must be"),
        ({"n": True}, "n=True must be"),
        ({"n": 4, "best_of": 2}, "best_of=2 is less than n=4"),
        ({"best_of": 33}, "best_of=33 must be a whole number from 0 to 32"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": None}, "seed=None"),
        ({"guidance": "much"}, "guidance='much'"),
        ({"guidance": float("inf")}, "guidance=inf"),
    ],
)
def test_what_is_wrong_is_told(model, changes, message):
    with pytest.raises(UserError, match=message):
        ask(model, **changes)


def test_faces_to_describe_and_to_analyze(model):
    pixels = np.zeros((16, 16, 3), np.uint8)
    assert asking.analyze(model, LIMITS, pixels, None).attributes == ("gender", "glasses", "age")
    assert asking.analyze(model, LIMITS, pixels, ["age"]).attributes == ("age",)
    assert asking.describe(LIMITS, pixels, 3, 7).seed == 7
    with pytest.raises(UserError, match="the nearest is 'glasses'"):
        asking.analyze(model, LIMITS, pixels, ["glases"])
    with pytest.raises(UserError, match="n=9 must be a whole number from 1 to 8"):
        asking.describe(LIMITS, pixels, 9, 0)
