import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.models import quantizer
from t2f_jax.models.quantizer import Quantizer


def vectors(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def placed(codebook):
    """The statistics of codes that have their places, each worth one vector."""
    return quantizer.place(quantizer.fresh(*codebook.shape), jnp.zeros_like(codebook), codebook)[0]


def test_nearest_is_the_nearest():
    z, codebook = vectors(0, 5, 7, 4), vectors(1, 30, 4)
    wanted = np.square(z[..., None, :].astype(np.float64) - codebook).sum(-1).argmin(-1)
    np.testing.assert_array_equal(quantizer.nearest(z, codebook), wanted)


def test_every_code_can_be_chosen():
    codebook = vectors(1, 64, 6)
    np.testing.assert_array_equal(quantizer.nearest(codebook + 1e-3, codebook), np.arange(64))


def test_gradient_passes_straight_to_the_encoder_and_not_to_the_codes():
    model = Quantizer(8, 4)
    params = {"embedding": vectors(2, 8, 4)}
    z, cotangent = vectors(3, 6, 4), vectors(4, 6, 4)

    def quantize(params, z):
        codes = model.apply({"params": params}, z)
        return quantizer.straight_through(z, model.apply({"params": params}, codes, method="lookup"))

    out, vjp = jax.vjp(quantize, params, z)
    np.testing.assert_allclose(out, params["embedding"][quantizer.nearest(z, params["embedding"])], rtol=1e-5)
    to_params, to_z = vjp(cotangent)
    np.testing.assert_allclose(to_z, cotangent)
    np.testing.assert_array_equal(to_params["embedding"], 0)


def test_ema_codes_move_to_the_mean_of_what_chose_them_and_idle_ones_stay():
    z = vectors(5, 40, 3)
    rows = quantizer.sample_rows(jax.random.key(0), z, 6)
    codes = np.repeat([0, 1, 2, 3], 10).astype(np.int32)
    stats, codebook = quantizer.place(quantizer.fresh(6, 3), jnp.zeros((6, 3)), rows)
    start = codebook
    for _ in range(300):
        stats, codebook = quantizer.observe(stats, codebook, z, codes, 0.9)
    np.testing.assert_allclose(codebook[:4], z.reshape(4, 10, 3).mean(1), atol=1e-5)
    np.testing.assert_allclose(codebook[4:], start[4:], rtol=1e-4)
    np.testing.assert_array_equal(stats.unused, [0, 0, 0, 0, 300, 300])


def where(row, z):
    return int(np.flatnonzero((z == np.asarray(row)).all(1))[0])


def test_sampled_rows_are_distinct_and_the_keys_own():
    z = vectors(6, 50, 3)
    rows = quantizer.sample_rows(jax.random.key(0), z, 20)
    assert len({where(row, z) for row in rows}) == 20
    np.testing.assert_array_equal(quantizer.sample_rows(jax.random.key(0), z, 20), rows)
    assert not np.array_equal(quantizer.sample_rows(jax.random.key(1), z, 20), rows)
    everything = quantizer.sample_rows(jax.random.key(0), z, 120)
    assert sorted(where(row, z) for row in everything[:50]) == list(range(50))


def test_codes_are_placed_once():
    rows = jnp.asarray(vectors(6, 20, 3))
    stats, codebook = quantizer.place(quantizer.fresh(20, 3), jnp.zeros((20, 3)), rows)
    np.testing.assert_array_equal(codebook, rows)
    again, kept = quantizer.place(stats, codebook, jnp.asarray(vectors(7, 20, 3)))
    np.testing.assert_array_equal(kept, codebook)
    np.testing.assert_array_equal(again.total, stats.total)


def test_placed_codes_are_not_moved():
    codebook = jnp.asarray(vectors(8, 5, 3))
    stats, kept = quantizer.place(placed(codebook), codebook, vectors(9, 5, 3))
    np.testing.assert_array_equal(kept, codebook)
    assert bool(stats.ready)


def test_dead_codes_come_back_on_encoder_outputs():
    rows, codebook = vectors(10, 6, 3), jnp.asarray(vectors(11, 6, 3))
    stats = placed(codebook).replace(unused=jnp.array([0, 9, 10, 11, 3, 25]))
    stats1, codes1, dead = quantizer.revive(stats, codebook, rows, 10)
    np.testing.assert_array_equal(dead, [False, False, True, True, False, True])
    np.testing.assert_array_equal(codes1, np.where(np.asarray(dead)[:, None], rows, codebook))
    np.testing.assert_array_equal(stats1.total, codes1)
    np.testing.assert_array_equal(stats1.unused, [0, 9, 0, 0, 3, 0])


def test_usage_of_uniform_and_of_single_codes():
    uniform = quantizer.usage(jnp.arange(16).reshape(4, 4), 32)
    np.testing.assert_allclose([uniform["codebook_use"], uniform["perplexity"]], [0.5, 16], rtol=1e-5)
    single = quantizer.usage(jnp.array([[3, 3], [5, 6]]), 4 * 8, jnp.array([1.0, 0.0]))
    np.testing.assert_allclose([single["codebook_use"], single["perplexity"]], [1 / 32, 1], rtol=1e-5)
