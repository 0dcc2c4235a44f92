import numpy as np
import pytest

from t2f_jax.experiments.sweeps import scaling


@pytest.mark.parametrize(("floor", "scale", "exponent"), [(0.5, 30.0, 0.3), (1.7, 400.0, 0.34), (0.0, 5.0, 0.08)])
def test_a_law_is_found_again(floor, scale, exponent):
    x = np.geomspace(1e5, 1e8, 6)
    law = scaling.fit(x, floor + scale * x**-exponent)
    assert law.exponent == pytest.approx(exponent, rel=0.02) and law.floor == pytest.approx(floor, abs=0.02)
    np.testing.assert_allclose(law(x), floor + scale * x**-exponent, rtol=1e-4)
    assert law.points == 6 and law.residual < 1e-4 and f"N^-{law.exponent:.3f}" in law.text("N")


def test_the_exponents_interval_covers_it_about_as_often_as_it_says():
    rng, x = np.random.default_rng(0), np.repeat(np.geomspace(1e5, 1e7, 5), 3)
    truth = 0.5 + 30 * x**-0.3
    covered = []
    for _ in range(60):
        law = scaling.fit(x, truth + rng.normal(0, 0.004, len(x)))
        if law and law.interval:
            covered.append(law.interval[0] <= 0.3 <= law.interval[1])
    assert len(covered) > 50 and np.mean(covered) > 0.85


def test_no_law_of_few_sizes_or_of_losses_that_rise():
    assert scaling.fit([1, 2, 3, 3], [3.0, 2.0, 1.5, 1.5]) is None
    assert scaling.fit([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0]) is None


def test_the_frontier_is_the_least_loss_so_far():
    curves = [(np.array([1, 2, 3]), np.array([5.0, 3.0, 2.9])), (np.array([2, 4, 8]), np.array([4.0, 2.0, 1.0]))]
    flops, losses = scaling.frontier(curves)
    assert flops.tolist() == [1, 2, 3, 4, 8] and losses.tolist() == [5.0, 3.0, 2.9, 2.0, 1.0]
    assert scaling.frontier([])[0].size == 0
