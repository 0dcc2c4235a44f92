"""Who influences whom, by gradient: the properties that make the decoder a prefix LM."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.config.schema import DecoderConfig
from t2f_jax.models.attention import visible
from t2f_jax.models.decoder import Decoder

#            prefix      branch 0  branch 1  pads
SEGMENTS = [1, 1, 1, 1, 2, 2, 2, 3, 3, 0, 0]
POSITIONS = [0, 1, 2, 3, 4, 5, 6, 4, 5, 0, 0]
PREFIX, FIRST, SECOND, PADS = slice(0, 4), slice(4, 7), slice(7, 9), slice(9, 11)


@functools.cache
def influence(mask, positions="learned", stacked=False):
    """[L,L]: how much the final-norm output at a place (row) changes with the embedded token of a place (column)."""
    config = DecoderConfig(layers=2, width=16, heads=2, mlp=16, max_length=16, init_std=0.3)
    decoder = Decoder(dataclasses.replace(config, mask=mask, positions=positions), 11, stacked=stacked)
    rows = [jnp.array([x]) for x in (list(range(11)), SEGMENTS, POSITIONS)]  # all tokens differ: a table row is a place
    params = jax.jit(decoder.init)(jax.random.PRNGKey(0), *rows)["params"]

    @jax.jit
    def jacobian(word):
        def hidden(word):
            new = {**params, "embed": {**params["embed"], "word": word}}
            return decoder.apply({"params": new}, *rows, method="hidden")[0]

        return jnp.abs(jax.jacrev(hidden)(word)).sum((1, 3))

    return np.asarray(jacobian(params["embed"]["word"]))


@pytest.mark.parametrize(("positions", "stacked"), [("learned", False), ("rotary", True)])
def test_prefix_mask(positions, stacked):
    reach = influence("prefix", positions, stacked) > 0
    assert reach[PREFIX, PREFIX].all()  # read in both directions
    assert not reach[PREFIX, 4:].any()  # no target reaches the prefix
    assert reach[4:9, PREFIX].all()
    np.testing.assert_array_equal(reach[FIRST, FIRST], np.tri(3, dtype=bool))  # nor an earlier target
    np.testing.assert_array_equal(reach[SECOND, SECOND], np.tri(2, dtype=bool))
    assert not reach[FIRST, SECOND].any() and not reach[SECOND, FIRST].any()  # branches are blind to each other
    assert not reach[:9, PADS].any()  # a pad reaches nobody


def test_causal_mask_differs_in_the_prefix_alone():
    prefix, causal = influence("prefix") > 0, influence("causal") > 0
    np.testing.assert_array_equal(causal[PREFIX, PREFIX], np.tri(4, dtype=bool))
    np.testing.assert_array_equal(causal[4:9], prefix[4:9])
    assert not causal[PREFIX, 4:].any()


def test_visibility_is_the_originals_rule():
    """Two of: key in the prefix, key no pad, key not later (its rows have one branch)."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        prefix, target, pad = rng.integers(1, 5, 3)
        segments = np.array([1] * prefix + [2] * target + [0] * pad)
        key, place = segments[None, :], np.arange(len(segments))
        votes = (key == 1).astype(int) + (key > 0) + (place[None, :] <= place[:, None])
        np.testing.assert_array_equal(visible(jnp.array(segments[None]))[0], votes >= 2)
