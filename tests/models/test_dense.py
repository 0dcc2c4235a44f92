"""Dense layers: products of rounded factors and their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.models import dense as dense_module
from t2f_jax.models.dense import dense, rounded_product


def test_a_rounded_product_multiplies_bfloat16_and_sums_float32():
    x, kernel = (jax.random.normal(jax.random.key(i), shape) for i, shape in enumerate([(6, 300), (300, 4)]))
    rounded_x, rounded_kernel = (np.asarray(a.astype(jnp.bfloat16), np.float64) for a in (x, kernel))
    product = rounded_product(x, kernel)
    assert product.dtype == jnp.float32
    np.testing.assert_allclose(product, rounded_x @ rounded_kernel, rtol=1e-5, atol=1e-5)
    assert not np.allclose(product, np.asarray(x, np.float64) @ np.asarray(kernel, np.float64), rtol=1e-5, atol=1e-5)

    pull = jax.random.normal(jax.random.key(2), product.shape)
    pull_x, pull_kernel = jax.vjp(rounded_product, x, kernel)[1](pull)
    rounded_pull = np.asarray(pull.astype(jnp.bfloat16), np.float64)
    np.testing.assert_allclose(pull_x, rounded_pull @ rounded_kernel.T, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(pull_kernel, np.asarray(x).T @ np.asarray(pull), rtol=1e-5, atol=1e-5)


def test_products_changes_no_parameter_and_little_else():
    x = jax.random.normal(jax.random.key(0), (5, 32))
    plain, rounded = (dense(8, True, 0.1, jnp.float32, 0, products, "up") for products in ("float32", "bfloat16"))
    params = plain.init(jax.random.key(1), x)
    assert jax.tree.map(jnp.shape, rounded.init(jax.random.key(1), x)) == jax.tree.map(jnp.shape, params)
    exact, close = plain.apply(params, x), rounded.apply(params, x)
    assert close.dtype == jnp.float32 and not np.array_equal(exact, close)
    np.testing.assert_allclose(close, exact, atol=0.02)


@pytest.mark.parametrize(
    "flags, platform, rounded",
    [
        ("fpu avx512f avx512_bf16", "cpu", True),
        ("fpu amx_tile amx_bf16", "cpu", True),
        ("fpu avx2 fma", "cpu", False),
        ("fpu avx512f avx512_bf16", "tpu", False),
        (None, "cpu", False),
    ],
)
def test_auto_rounds_on_cpus_with_instructions_for_it(monkeypatch, tmp_path, flags, platform, rounded):
    file = tmp_path / "cpuinfo"
    if flags is not None:
        file.write_text(f"processor\t: 0\nflags\t\t: {flags}\n\nprocessor\t: 1\n")
    monkeypatch.setattr(dense_module, "CPU_FLAGS", file)
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    dense_module._multiplies_bfloat16.cache_clear()
    try:
        assert dense_module.rounds("auto") is rounded
        assert dense_module.rounds("bfloat16") and not dense_module.rounds("float32")
    finally:
        dense_module._multiplies_bfloat16.cache_clear()
