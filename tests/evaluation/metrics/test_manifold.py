import numpy as np
import pytest

from t2f_jax.errors import UserError
from t2f_jax.evaluation.metrics import manifold


def sets(n=60, m=45, d=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)).astype(np.float32) + 5, rng.normal(size=(m, d), scale=0.8).astype(np.float32) + 5.3


@pytest.mark.parametrize("k", [3, 5])
def test_all_four_are_those_of_prdc_in_blocks_of_any_size(monkeypatch, k):
    prdc = pytest.importorskip("prdc", reason="prdc is not installed; pip install prdc")
    real, drawn = sets()
    wanted = prdc.compute_prdc(real, drawn, k)
    for block in (256, 7):
        monkeypatch.setattr(manifold, "BLOCK", block)
        found = manifold.compare(real, drawn, k)
        assert found.precision_M.mean() == wanted["precision"] and found.recall_N.mean() == wanted["recall"]
        assert found.density_M.mean() == pytest.approx(wanted["density"])
        assert found.coverage_N.mean() == wanted["coverage"]


def test_a_cluster_by_hand():
    real = np.array([0, 1, 2, 3, 10], np.float32)[:, None]
    found = manifold.compare(real, np.array([0.4, 0.5, 50], np.float32)[:, None], k=1)
    np.testing.assert_array_equal(found.precision_M, [True, True, False])
    np.testing.assert_array_equal(found.density_M, [2, 2, 0])  # the balls of 0 and 1 have radius 1
    np.testing.assert_array_equal(found.coverage_N, [True, True, False, False, False])
    np.testing.assert_array_equal(found.recall_N, [False, True, True, True, True])  # 50's ball ends at 0.5


def test_figures_are_means_over_the_examples_of_their_set():
    real, drawn = sets()
    made = {f.name: f for f in manifold.manifold_figures("generated", "inception", real, drawn, {"network": "x"})}
    assert {name: f.n for name, f in made.items()} == {
        "generated/precision_inception": 45,
        "generated/recall_inception": 60,
        "generated/density_inception": 45,
        "generated/coverage_inception": 60,
    }
    assert made["generated/recall_inception"].protocol == "recall|network:x|k:3|n_real:60|n_drawn:45|version:1"
    with pytest.raises(UserError, match="more than 3 images of each set, got 60 and 3"):
        manifold.compare(real, drawn[:3])
