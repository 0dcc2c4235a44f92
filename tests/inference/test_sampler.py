"""What a sampler may draw, and where its numbers come from."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.config.schema import EvalConfig, SamplerConfig
from t2f_jax.errors import UserError
from t2f_jax.inference.sampler import Sampler, default_sampler


def test_what_a_sampler_keeps():
    logits = jnp.log(jnp.array([0.5, 0.2, 0.2, 0.06, 0.04, 0.0]))
    keys = jax.random.split(jax.random.PRNGKey(0), 2000)

    def drawn(sampler):
        draw = jax.jit(lambda keys: sampler(keys, jnp.tile(logits, (len(keys), 1))))
        return np.bincount(draw(keys), minlength=6) / len(keys)

    np.testing.assert_allclose(drawn(Sampler()), np.exp(logits), atol=0.04)
    assert drawn(Sampler())[5] == 0
    np.testing.assert_allclose(drawn(Sampler(temperature=0)), [1, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(drawn(Sampler(top_k=2)), np.array([5, 2, 2, 0, 0, 0]) / 9, atol=0.04)  # a tie stays
    np.testing.assert_allclose(drawn(Sampler(top_p=0.4)), [1, 0, 0, 0, 0, 0])  # the first that crosses p stays
    np.testing.assert_allclose(drawn(Sampler(top_p=0.92)), np.array([50, 20, 20, 6, 0, 0]) / 96, atol=0.04)
    np.testing.assert_allclose(drawn(Sampler(top_k=4, top_p=0.6)), np.array([5, 2, 2, 0, 0, 0]) / 9, atol=0.04)
    for tiny in (1e-40, 1e-50):  # zero in float32
        np.testing.assert_allclose(drawn(Sampler(top_p=tiny)), [1, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(drawn(Sampler(temperature=1e39)), [0.2] * 5 + [0], atol=0.04)  # infinite in float32
    hot = np.exp(logits / 2)
    np.testing.assert_allclose(drawn(Sampler(temperature=2)), hot / hot.sum(), atol=0.04)


def test_keys_and_the_older_raw_keys_draw_the_same_numbers():
    """Ids drawn with `jax.random.PRNGKey` before and with `jax.random.key` now are the same."""
    seeds = jnp.array([0, 1, 2**31, 2**32 - 1], jnp.uint32)
    raw, typed = jax.vmap(jax.random.PRNGKey)(seeds), jax.vmap(jax.random.key)(seeds)
    np.testing.assert_array_equal(raw, jax.random.key_data(typed))
    folded = [jax.vmap(jax.random.fold_in, (0, None))(keys, 7) for keys in (raw, typed)]
    numbers = [jax.vmap(jax.random.uniform)(keys) for keys in folded]
    np.testing.assert_array_equal(*numbers)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": float("nan")},
        {"temperature": -1.0},
        {"top_p": 0.0},
        {"top_k": -1},
        {"min_p": 1.1},
        {"final_temperature": -0.1},
    ],
)
def test_impossible_samplers_are_refused_by_name(options):
    with pytest.raises(UserError, match=next(iter(options))):
        Sampler(**options)


def test_a_sampler_has_the_fields_of_a_config_and_a_last_temperature():
    names = [field.name for field in dataclasses.fields(SamplerConfig)]
    assert [field.name for field in dataclasses.fields(Sampler)] == [*names, "final_temperature"]
    assert Sampler.of(EvalConfig(top_k=7, min_p=0.1)) == Sampler(1.0, 7, 0.95, 1.0, 0.1)


def test_a_model_draws_as_it_was_evaluated_where_that_is_known():
    assert default_sampler({}) == Sampler(top_p=0.95)
    known = {"temperature": 0.9, "top_p": 1.0, "faces": 3}
    assert default_sampler({"config": {"eval": known}}) == Sampler(temperature=0.9)
    falling = {"config": {"eval": {**known, "final_temperature": 0.5}}}
    assert default_sampler(falling) == Sampler(temperature=0.9, final_temperature=0.5)
    repeated = {"config": {"eval": {**known, "guidance": 4.0, "number_guidance": 2.0}}}
    assert default_sampler(repeated) == Sampler(temperature=0.9, guidance=4.0, number_guidance=2.0)


def test_a_record_of_a_sampler_is_that_of_earlier_versions_unless_a_new_field_is_used():
    assert "number_guidance" not in Sampler().to_dict() and Sampler().to_dict()["guidance"] == 1
    assert Sampler(number_guidance=2.0).to_dict()["number_guidance"] == 2
