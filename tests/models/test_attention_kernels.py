"""Splash attention, interpreted, against plain attention; and who sees whom, as spans."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.models import attention_kernels
from t2f_jax.models.attention import visible


def rows(length=128):
    """Two packed rows: prefixes, branches and pads of several lengths."""
    segments, documents = np.zeros((2, 2, length), np.int32)
    for row, members in enumerate([[(20, 25), (15, 5, 6, 4), (2, 30)], [(50, 10, 1, 3), (1, 40), (15, 2)]]):
        at = 0
        for number, parts in enumerate(members, 1):
            for segment, count in enumerate(parts, 1):
                segments[row, at : at + count], documents[row, at : at + count] = segment, number
                at += count
    return jnp.array(segments), jnp.array(documents)


@pytest.mark.parametrize("mask", ["prefix", "causal"])
@pytest.mark.parametrize("packed", [True, False])
def test_spans_say_what_the_mask_says(mask, packed):
    segments, documents = rows()
    if not packed:
        segments, documents = segments[:1, :45], None
    spans = attention_kernels.span_mask(segments, documents, mask)
    places = jnp.arange(segments.shape[1])[None, None]
    got = attention_kernels.is_visible(spans.code[:, :, None], places) & (
        spans.documents[:, :, None] == spans.documents[:, None]
    )
    real = np.asarray(segments > 0)
    np.testing.assert_array_equal(np.asarray(got)[real], np.asarray(visible(segments, mask, documents))[real])
    assert np.asarray(got).any(-1).all()
    counted = attention_kernels.count_visible(segments, documents, mask)
    np.testing.assert_array_equal(counted, np.asarray(got).sum(-1) * real)


def test_splash_equals_plain_attention_and_so_do_its_gradients():
    segments, documents = rows()
    seen = visible(segments, "prefix", documents)
    rng = np.random.default_rng(0)
    q, k, v = (jnp.array(rng.normal(size=(2, 1, 128, 64)), jnp.float32) for _ in range(3))
    pull = jnp.array(rng.normal(size=q.shape), jnp.float32) * (documents > 0)[:, None, :, None]

    def plain(q, k, v):
        probs = jax.nn.softmax(jnp.where(seen[:, None], jnp.einsum("bhqd,bhkd->bhqk", q, k), -1e9))
        return (jnp.einsum("bhqk,bhkd->bhqd", probs, v) * pull).sum()

    def splash(q, k, v):
        return (
            attention_kernels.splash(q, k, v, attention_kernels.span_mask(segments, documents, "prefix")) * pull
        ).sum()

    wanted = jax.jit(jax.value_and_grad(plain, (0, 1, 2)))(q, k, v)
    found = jax.jit(jax.value_and_grad(splash, (0, 1, 2)))(q, k, v)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, wanted)
