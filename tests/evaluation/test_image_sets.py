import numpy as np
import pytest
import small_model

from t2f_jax.evaluation import image_sets
from t2f_jax.evaluation.chunks import Desk
from t2f_jax.evaluation.metrics.frechet import Moments, frechet_distance
from t2f_jax.evaluation.metrics.networks import FeatureNetwork

RNG = np.random.default_rng(0)
MEANS = FeatureNetwork("clip", {"network": "mean colours"}, 3, lambda x: x.mean((1, 2), dtype=np.float32))


def images(n):
    return RNG.integers(0, 256, (n, 4, 4, 3)).astype(np.uint8)


def chunk_of(array):
    return lambda rows: array[rows.start : rows.stop]


def test_two_sets_are_looked_at_in_chunks_and_compared(tmp_path):
    real, drawn, desk = images(30), images(25), Desk(tmp_path, 8)
    seen = [image_sets.look(MEANS, chunk_of(x), len(x), desk, "faces", {"of": i}) for i, x in enumerate((real, drawn))]
    assert [len(chunks.paths) for chunks in seen] == [4, 4]
    made = {figure.name: figure for figure in image_sets.set_figures("requests", MEANS, *seen)}
    names = ("frechet", "kernel", "precision", "recall", "density", "coverage")
    assert set(made) == {f"requests/{name}_clip" for name in names}
    both = []
    for x in (real, drawn):
        both.append(Moments(3))
        both[-1].add(MEANS.compute(x))
    wanted = frechet_distance(*(moments.gaussian() for moments in both))
    assert made["requests/frechet_clip"].value == pytest.approx(wanted, rel=1e-9)
    assert "network:mean colours" in made["requests/kernel_clip"].protocol

    def again(rows):
        raise AssertionError("what was looked at is not looked at again")

    image_sets.look(MEANS, again, 30, desk, "faces", {"of": 0})


def test_sets_too_small_have_no_figures(tmp_path):
    few = [image_sets.look(MEANS, chunk_of(images(n)), n, Desk(tmp_path), "x", {"n": n}) for n in (1, 3, 5)]
    assert image_sets.set_figures("requests", MEANS, few[2], few[0]) == []
    assert len(image_sets.set_figures("requests", MEANS, few[2], few[1])) == 2


def test_a_models_own_features_need_no_file_and_copies_are_found(tmp_path):
    model = small_model.make()
    (network,) = image_sets.networks(model, [])
    assert (network.name, network.size) == ("face", 16)
    codes = RNG.integers(0, 16, (12, model.image_tokenizer.config.tokens)).astype(np.int32)
    training = Desk(tmp_path, 4).run("codes", {}, 12, lambda rows: {"codes": codes[rows.start : rows.stop]})
    others = (codes[:8] + RNG.integers(1, 16, codes[:8].shape)) % 16
    copied, *_ = image_sets.copy_figures(model, codes[:5], others, training, "requests")
    assert (copied.name, copied.value, copied.n) == ("requests/memorization/copies", 1, 5)
    assert "n_training:12|n_held_out:8" in copied.protocol
