"""What helps to word an error: the nearest name, and the place that a message begins with."""

import pytest

from t2f_jax.errors import DiskFull, UserError, naming, nearest


def test_the_nearest_name():
    assert nearest("glases", ["gender", "glasses", "hat"]) == "glasses"
    assert nearest("glases", {"glasses": 1}) == "glasses"
    assert nearest("zzz", ["gender", "hat"]) == nearest("hat", []) == ""


def test_how_alike_a_name_must_be():
    assert nearest("steps", ["stops and goes"], 0.3) == "stops and goes"
    assert nearest("steps", ["stops and goes"], 0.6) == ""


def test_a_place_stands_before_the_message():
    with pytest.raises(UserError, match=r"^a\.json: wrong key$"), naming("a.json"):
        raise UserError("wrong key")
    with pytest.raises(KeyError), naming("a.json"):
        raise KeyError("no user's mistake")
    with pytest.raises(DiskFull, match=r"^a\.json: no room$"), naming("a.json"):
        raise DiskFull("no room")
