import math

import numpy as np
import pytest
from given_captions import CAPTIONS, GIVEN

from t2f_jax.evaluation import stats
from t2f_jax.evaluation.figure import with_intervals
from t2f_jax.evaluation.metrics.wording import wording_figures

# By pycocoevalcap 1.2; CIDEr without clipping by its formula.
COCO = {
    "bleu_1": 0.862229,
    "bleu_2": 0.652240,
    "bleu_3": 0.479712,
    "bleu_4": 0.340907,
    "rouge_l": 0.565529,
    "cider_d": 2.130691,
    "cider": 2.280193,
}
COCO_EACH = {
    "cider_d": [2.1971, 2.1179, 1.3128, 5.7436, 0.9649, 0.4479],
    "rouge_l": [0.4721, 0.6470, 0.5857, 0.8203, 0.4094, 0.4586],
}


@pytest.fixture(scope="module")
def figures():
    return {f.name.removeprefix("captions/"): f for f in with_intervals(wording_figures(CAPTIONS, GIVEN))}


@pytest.mark.parametrize("name", COCO)
def test_coco_s_values(figures, name):
    assert figures[name].value == pytest.approx(COCO[name], abs=6e-7)
    assert figures[name].n == 6 and figures[name].interval[0] < COCO[name] < figures[name].interval[1]


@pytest.mark.parametrize("name", COCO_EACH)
def test_coco_s_values_of_each_face(figures, name):
    assert figures[name].per_example == pytest.approx(COCO_EACH[name], abs=6e-5)


def test_protocols_tell_what_moves_the_number(figures):
    assert figures["bleu_4"].protocol.startswith(
        "bleu-coco|n:4|tokens:ptb-coco|references:2|length:closest|smooth:none"
    )
    assert "|faces:6|" in figures["cider_d"].protocol
    other = {f.name: f for f in wording_figures(CAPTIONS, GIVEN, brackets="dropped")}["captions/rouge_l"]
    assert "tokens:ptb-no-brackets" in other.protocol and other.value > figures["rouge_l"].value


def test_a_face_without_captions_is_not_scored(figures):
    some = {f.name: f for f in wording_figures([*CAPTIONS, "A man."], [*GIVEN, []])}
    for name in COCO:
        more = some[f"captions/{name}"]
        assert (more.value, more.n, len(more.per_example)) == (pytest.approx(figures[name].value), 6, 7)
    assert some["captions/repeats_words"].n == 7
    assert [f.name for f in wording_figures(["A man."], [[]])] == ["captions/repeats_words"]
    assert wording_figures([], []) == []


def test_a_resample_has_the_score_of_its_texts(figures):
    rows = [5, 0, 0, 3, 2, 2]
    for name in ("bleu_1", "bleu_4"):
        again = {f.name: f.value for f in wording_figures([CAPTIONS[i] for i in rows], [GIVEN[i] for i in rows])}
        sums = figures[name].statistics[rows].sum(0)
        assert stats.COMBINATIONS[figures[name].combine](sums) == pytest.approx(again[f"captions/{name}"], abs=1e-12)


def test_one_face_has_no_rare_words():
    values = {f.name: f.value for f in wording_figures(["A man."], [["A man."]])}
    assert values["captions/cider_d"] == 0 and values["captions/rouge_l"] == 1 and values["captions/bleu_4"] == 0


@pytest.mark.parametrize(("text", "repeats"), [("a man with a hat and a man with a hat", 1), ("a man and a man", 0)])
def test_four_words_said_twice(text, repeats):
    assert wording_figures([text], [[]])[0].value == repeats


def test_hostile_texts_are_scored():
    captions = ["", "...", "a " * 400, "\U0001f600 \u202e", "'" * 50]
    for figure in with_intervals(wording_figures(captions, [["a man"]] * 5)):
        assert math.isfinite(figure.value) and np.isfinite(figure.interval).all()


def test_many_references_are_told(figures):
    line = wording_figures(["a man", "a man"], [["a man"], ["a man", "he", "she"]])[0].protocol
    assert "references:1-3" in line and "references:2" in figures["rouge_l"].protocol
