import math

import pytest

from t2f_jax.evaluation.metrics.cider import cider, rarity


def test_a_hand_computed_score():
    references = [[["a", "cat"]], [["a", "dog"]]]
    known = rarity(references)
    assert known.faces == 2 and known.weight(("a",)) == 0 and known.weight(("cat",)) == pytest.approx(math.log(2))
    # Words: "a" has no weight, "cat" is the same; two words in a row: the same; none of three and four.
    assert cider(["a", "cat"], references[0], known) == pytest.approx(10 * (1 + 1) / 4)
    assert cider(["a", "dog"], references[0], known) == 0


def test_repeating_pays_without_clipping_alone():
    references = [[["red", "hat"]], [["big", "nose"]]]
    known = rarity(references)
    said = ["red", "red", "red", "hat"]
    cosine = (3 + 1) / (math.sqrt(10) * math.sqrt(2))
    clipped = (1 + 1) / (math.sqrt(10) * math.sqrt(2))
    pair, clipped_pair = 1 / math.sqrt(1 + 4), 1 / math.sqrt(1 + 4)  # "red red" twice, "red hat" once
    longer = math.exp(-(2**2) / (2 * 36))
    assert cider(said, references[0], known, clipped=False) == pytest.approx(10 * (cosine + pair) / 4, rel=1e-6)
    assert cider(said, references[0], known) == pytest.approx(10 * longer * (clipped + clipped_pair) / 4, rel=1e-6)


def test_references_of_a_face_are_averaged():
    references = [[["red", "hat"], ["big", "nose"]], [["pale", "skin"]]]
    known = rarity(references)
    one = cider(["red", "hat"], [references[0][0]], known)
    assert cider(["red", "hat"], references[0], known) == pytest.approx(one / 2)
