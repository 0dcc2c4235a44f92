import numpy as np
import pytest

from t2f_jax.evaluation.metrics import clip_score

CLIP = {"network": "clip 2x128/8 at 32", "weights": "0123"}


def test_the_score_is_100_times_the_cosine_and_never_below_0():
    images, texts = np.array([[3.0, 0], [0, 2], [1, 1]]), np.array([[5.0, 0], [0, -1], [1, 0]])
    made = clip_score.clip_score_figure("requests/clip_score", images, texts, CLIP, cut=1)
    np.testing.assert_allclose(made.per_example, [100, 0, 100 / np.sqrt(2)])
    assert "scale:100 max(cos,0)|prompt:none|cut_captions:1|version:1" in made.protocol and made.n == 3


def test_r_precision_asks_for_the_own_caption_among_different_ones():
    captions = ["A man.", "a  man.", "a woman.", "a child."]
    asked = {}

    def score(i, chosen):
        asked[i] = sorted({captions[j].lower().replace("  ", " ") for j in chosen[1:]})
        return np.array([float(j == i or (i == 3 and j == 2)) for j in chosen])

    hits = clip_score.r_precision(captions, score)
    assert asked[0] == asked[1] == ["a child.", "a woman."] and len(asked[2]) == 2
    assert hits.tolist() == [1, 1, 1, 0]  # the last face's caption fits no better than another one
    assert np.isnan(clip_score.r_precision(["x", "x"], score)).all()


def test_the_draw_of_99_others_is_the_seeds_and_chance_is_one_in_a_hundred():
    rng = np.random.default_rng(0)
    images, texts = rng.normal(size=(2, 400, 8))
    captions, taken = [f"face {i}" for i in range(400)], []
    score = clip_score.cosine_score(images, texts)

    def recorded(i, chosen):
        taken.append(chosen)
        return score(i, chosen)

    made = clip_score.r_precision_figure("requests/r_precision_clip", captions, recorded, CLIP, seed=3)
    assert {len(set(chosen)) for chosen in taken} == {100} and all(chosen[0] == i for i, chosen in enumerate(taken))
    assert made.value == pytest.approx(0.01, abs=0.015)
    again = clip_score.r_precision(captions, recorded, seed=3)
    assert taken[:400] == taken[400:] and (again == made.per_example).all()
    assert clip_score.r_precision(captions, clip_score.cosine_score(texts, texts)).mean() == 1
