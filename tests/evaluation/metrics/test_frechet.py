import numpy as np
import pytest
import scipy.linalg

from t2f_jax.errors import UserError
from t2f_jax.evaluation.metrics import frechet
from t2f_jax.evaluation.metrics.frechet import Gaussian, Moments, frechet_distance

RNG = np.random.default_rng(0)


def gaussian(features):
    moments = Moments(features.shape[1])
    for part in np.array_split(features, 3):
        moments.add(part)
    return moments.gaussian()


def drawn(n, d=24):
    return (RNG.normal(size=(n, d)) @ RNG.normal(size=(d, d)) + RNG.normal(size=d)).astype(np.float32)


def test_batches_give_the_mean_and_covariance_of_all():
    x = drawn(100)
    made = gaussian(x)
    assert made.n == 100
    np.testing.assert_allclose(made.mean, x.mean(0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(made.covariance, np.cov(x.astype(np.float64), rowvar=False), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("n", [100, 10])  # with 10 the covariances are singular
def test_the_distance_is_scipys(n):
    a, b = gaussian(drawn(n)), gaussian(drawn(n + 3))
    root = scipy.linalg.sqrtm((a.covariance + 1e-9 * np.eye(24)) @ (b.covariance + 1e-9 * np.eye(24))).real
    wanted = np.square(a.mean - b.mean).sum() + np.trace(a.covariance + b.covariance - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-4)
    assert frechet_distance(b, a) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_a_set_is_at_0_from_itself_and_a_shifted_scaled_one_where_the_closed_form_says():
    x = gaussian(drawn(50))
    assert frechet_distance(x, x) < 1e-9 * np.trace(x.covariance)
    moved = Gaussian(x.mean + 3, 4 * x.covariance)
    assert frechet_distance(x, moved) == pytest.approx(9 * 24 + np.trace(x.covariance), rel=1e-9)


def test_a_figure_tells_numbers_and_network_and_has_no_interval():
    a, b = gaussian(drawn(30)), gaussian(drawn(40))
    made = frechet.frechet_figure("generated/fid", a, b, {"network": "inception", "resize": "clean"})
    assert made.protocol == "frechet|network:inception|resize:clean|n_real:30|n_drawn:40|version:1"
    assert made.interval is None and made.per_example is None and made.n == 40


def test_statistics_that_others_saved_are_read(tmp_path):
    a = gaussian(drawn(30))
    np.savez(tmp_path / "ref.npz", mu=a.mean, sigma=a.covariance)
    read = frechet.read_gaussian(tmp_path / "ref.npz", 24)
    np.testing.assert_array_equal(read.covariance, a.covariance)
    with pytest.raises(UserError, match=r"'mu' has shape \(24,\).*the network gives 2048"):
        frechet.read_gaussian(tmp_path / "ref.npz", 2048)
    np.savez(tmp_path / "other.npz", mean=a.mean)
    (tmp_path / "broken.npz").write_bytes((tmp_path / "ref.npz").read_bytes()[:500])
    for name in ("other.npz", "broken.npz", "none.npz"):
        with pytest.raises(UserError, match=name):
            frechet.read_gaussian(tmp_path / name, 24)


def test_one_image_is_too_few():
    moments = Moments(2)
    moments.add(np.ones((1, 2)))
    with pytest.raises(UserError, match="needs two images of each set and more, got 1"):
        moments.gaussian()
