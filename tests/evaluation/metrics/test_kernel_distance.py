import numpy as np
import pytest

from t2f_jax.errors import UserError
from t2f_jax.evaluation.metrics import kernel_distance as kd


def unbiased(x, y):
    """The definition, pair by pair."""

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    n, m = len(x), len(y)
    return (xx.sum() - xx.trace()) / (n * n - n) + (yy.sum() - yy.trace()) / (m * m - m) - 2 * xy.mean()


def sets(rng, n, m, shift=0.2, d=16):
    return rng.normal(size=(n, d)).astype(np.float32), rng.normal(loc=shift, size=(m, d)).astype(np.float32)


def test_it_is_the_definition_in_blocks_of_any_size(monkeypatch):
    x, y = sets(np.random.default_rng(0), 50, 37)
    wanted = unbiased(x.astype(np.float64), y.astype(np.float64))
    for block in (1024, 16):
        monkeypatch.setattr(kd, "BLOCK", block)
        assert kd.kernel_distance(x, y)[0] == pytest.approx(wanted, rel=1e-5)


def test_shifted_gaussians_are_where_the_closed_form_says_and_the_error_tells_the_spread():
    # E k(x, y) = E (x.y / d + 1)^3 of independent normals with means a and b; only their products are needed.
    d, shift, rng = 16, 0.5, np.random.default_rng(1)

    def expected(a, b):  # of z = x.y / d: its mean, variance and third central moment
        mean = a * b
        variance = (1 + a * a + b * b) / d
        third = 6 * a * b / d**2
        return (mean + 1) ** 3 + 3 * (mean + 1) * variance + third

    wanted = expected(0, 0) + expected(shift, shift) - 2 * expected(0, shift)
    found = [kd.kernel_distance(*sets(rng, 100, 100, shift, d)) for _ in range(60)]
    values, errors = np.array(found).T
    assert values.mean() == pytest.approx(wanted, abs=3 * values.std() / np.sqrt(60))
    assert errors.mean() == pytest.approx(values.std(), rel=0.25)
    assert 0.85 <= np.mean(np.abs(values - wanted) < 1.96 * errors) <= 1


def test_the_figure_names_estimate_and_numbers():
    x, y = sets(np.random.default_rng(0), 30, 20)
    made = kd.kernel_figure("generated/kid", x, y, {"network": "inception"})
    assert "kernel|network:inception|kernel:cubic|estimate:unbiased|pairs:all|n_real:30|n_drawn:20" in made.protocol
    assert made.interval is not None and made.interval[0] < made.value < made.interval[1]
    with pytest.raises(UserError, match="two images of each set and more, got 30 and 1"):
        kd.kernel_distance(x, y[:1])
