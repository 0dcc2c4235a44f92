import numpy as np
import pytest
import small_model

from t2f_jax.errors import UserError
from t2f_jax.evaluation.metrics import memorization
from t2f_jax.evaluation.metrics.memorization import Nearest

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(32, 3)).astype(np.float32)


def vectors(codes):
    return TABLE[codes]


def test_the_nearest_training_face_is_found_in_batches():
    codes, training = RNG.integers(0, 32, (5, 16)), RNG.integers(0, 32, (40, 16))
    training[17] = codes[2]
    training[39, 1:] = codes[4, 1:]
    found = memorization.nearest(codes, np.array_split(training, 3), vectors)
    gaps = np.square(TABLE[codes][:, None] - TABLE[training][None]).mean((2, 3))
    np.testing.assert_array_equal(found.row_N, gaps.argmin(1))
    np.testing.assert_allclose(found.distance_N, np.sqrt(gaps.min(1)), atol=1e-3)
    assert found.row_N[2] == 17 and found.same_N[2] == 1 and found.row_N[4] == 39 and found.same_N[4] >= 15 / 16
    with pytest.raises(UserError, match="no training face"):
        memorization.nearest(codes, [], vectors)


def test_an_image_tokenizer_gives_the_vectors():
    tokenizer = small_model.make().image_tokenizer
    codes = RNG.integers(0, 16, (3, tokenizer.config.tokens))
    found = np.asarray(tokenizer.code_vectors(codes))
    np.testing.assert_array_equal(found.reshape(3, -1, 4), tokenizer.params["quantize"]["embedding"][codes])
    assert memorization.nearest(codes, [codes], tokenizer.code_vectors).row_N.tolist() == [0, 1, 2]


def nearest(distances):
    return Nearest(np.zeros(len(distances), int), np.asarray(distances, float), np.full(len(distances), 0.25))


def test_copies_stand_out_beside_held_out_faces_and_honest_faces_do_not():
    held_out = nearest(RNG.normal(1, 0.1, 2000))

    def figures(distances):
        made = memorization.memorization_figures(nearest(distances), held_out, 5000)
        assert all("n_training:5000|n_held_out:2000" in f.protocol for f in made)
        return {f.name.partition("/")[2]: f for f in made}

    honest = figures(RNG.normal(1, 0.1, 2000))
    assert honest["copies"].value == pytest.approx(0.01, abs=0.01)
    assert honest["nearer"].value == pytest.approx(0.5, abs=0.03)
    copied = figures([*np.zeros(500), *RNG.normal(1, 0.1, 1500)])
    assert copied["copies"].value == pytest.approx(0.26, abs=0.02)
    assert copied["nearer"].value == pytest.approx(0.25 + 0.75 / 2, abs=0.03)
    assert copied["same_codes"].value == 0.25
    same = figures(held_out.distance_N)
    assert same["nearer"].value == pytest.approx(0.5)
