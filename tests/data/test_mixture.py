import collections

import numpy as np
import pytest

from t2f_jax.data import mixture


def test_mixture_keeps_weights_and_visits_every_record_equally():
    sizes = (7, 100, 1000)
    mix = mixture.Mixture(sizes, (1.0, 2.0, 5.0), seed=3)
    seen = collections.Counter(mix.locate(row) for row in range(16 * mixture.BLOCK))
    for s, share in enumerate((1 / 8, 2 / 8, 5 / 8)):
        visits = [seen[s, i] for i in range(sizes[s])]
        assert sum(visits) == 16 * mixture.BLOCK * share
        assert max(visits) - min(visits) <= 1  # whole epochs, and one that has begun
    assert [mix.locate(r) for r in range(50)] != [
        mixture.Mixture(sizes, (1.0, 2.0, 5.0), 4).locate(r) for r in range(50)
    ]


def test_epochs_differ_in_order():
    mix = mixture.Mixture((50,), (1.0,), seed=0)
    first, second = ([mix.locate(50 * e + k)[1] for k in range(50)] for e in (0, 1))
    assert sorted(first) == sorted(second) == list(range(50)) and first != second


@pytest.mark.parametrize("weights", [(1.0, 1e-6), (1 / 3, 1 / 3, 1 / 3), (1.0,), (1e-9,) * 5 + (1.0,)])
def test_quotas_fill_a_block_and_leave_nobody_out(weights):
    quotas = mixture._quotas(weights)
    assert sum(quotas) == mixture.BLOCK and min(quotas) >= 1
    exact = np.array(weights) / sum(weights) * mixture.BLOCK
    assert np.abs(quotas - exact).max() <= len(weights)


def test_held_out_spreads_and_never_repeats():
    chosen = mixture.held_out([100, 3], [1.0, 1.0], 20)
    assert len(set(chosen)) == len(chosen) == 13  # the small source gives all it has
    assert [i for s, i in chosen if s == 0] == list(range(0, 100, 10))
    assert len(mixture.held_out([5], [1.0], 100)) == 5


def test_sources_by_size():
    weights, sizes = [1.0, 2.0], [100, 10_000]
    assert mixture.by_size(weights, sizes, 0.0) == weights
    small, large = mixture.by_size(weights, sizes, 1.0)
    assert large / small == pytest.approx(200)
    small, large = mixture.by_size(weights, sizes, 2.0)
    assert large / small == pytest.approx(20)


def test_many_rows_are_located_at_once():
    mix = mixture.Mixture((7, 100, 1000), (1.0, 2.0, 5.0), seed=3)
    rows = [5, 1023, 1024, 3, 10**9, 40_000]
    assert mix.locate_all(rows) == [mix.locate(row) for row in rows] and mix.locate_all([]) == []
