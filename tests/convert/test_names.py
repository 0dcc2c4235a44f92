"""Names, shapes and layouts of the original's tensors and ours: all there, and bit for bit both ways."""

import json

import jax
import numpy as np
import pytest
from flax import traverse_util
from original_files import (
    BASE_DECODER,
    BASE_VQGAN,
    FIXTURES,
    SMALL_DECODER,
    SMALL_VQGAN,
    random_tensors,
)

from t2f_jax.convert.names import decoder_names, to_original, to_ours, vqgan_names
from t2f_jax.models import params as params_module


def test_names_and_shapes_are_the_originals():
    decoder, vqgan = json.loads((FIXTURES / "state_dicts.json").read_text()).values()
    ours = decoder_names(BASE_DECODER, 31546), vqgan_names(BASE_VQGAN)
    assert [len(names) for names in ours] == [198, 343]
    for names, theirs in zip(ours, (decoder, vqgan)):
        assert [[n.original, list(n.shape)] for n in names] == theirs
    for names, abstract in zip(
        ours, (params_module.abstract_decoder(BASE_DECODER, 31546), params_module.abstract_vqgan(BASE_VQGAN))
    ):
        assert {n.path for n in names} == set(traverse_util.flatten_dict(abstract))


@pytest.mark.parametrize(
    ("names", "abstract"),
    [
        (decoder_names(SMALL_DECODER, 136), params_module.abstract_decoder(SMALL_DECODER, 136)),
        (vqgan_names(SMALL_VQGAN), params_module.abstract_vqgan(SMALL_VQGAN)),
    ],
)
def test_there_and_back_keeps_every_bit_and_gives_our_shapes(names, abstract):
    tensors = dict(random_tensors(names))
    params = to_ours(names, lambda name: tensors[name.original])
    shapes = [traverse_util.flatten_dict(jax.tree.map(np.shape, x), sep=".") for x in (params, abstract)]
    assert shapes[0] == shapes[1]
    back = dict(to_original(names, params))
    assert list(back) == [n.original for n in names]
    for name, value in back.items():
        np.testing.assert_array_equal(value, tensors[name])
