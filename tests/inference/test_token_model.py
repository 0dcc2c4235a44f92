"""What a model computes in arrays: what it has no room for, or does not know, is refused by name."""

import copy
import dataclasses

import numpy as np
import pytest
import small_model

from t2f_jax.errors import UserError


@pytest.fixture(scope="module")
def model():
    return small_model.make()


def test_a_prompt_is_read_whole_or_not_at_all(model):
    fits = [n for n in range(1, 80) if model.fits_prompt(" ".join(["man"] * n))]
    assert fits == list(range(1, len(fits) + 1)) and 0 < len(fits) < model.text_length == 48


def test_a_caption_without_room_is_refused(model):
    short = copy.copy(model)
    short.decoder = model.decoder.clone(config=dataclasses.replace(model.decoder.config, max_length=20))
    with pytest.raises(UserError, match="20 positions leave no room"):
        short.caption(np.zeros((1, 16, 16, 3), np.uint8))


def test_what_the_model_does_not_know_is_named(model):
    with pytest.raises(UserError, match=r"glases.*glasses"):
        model.analyze(np.zeros((16, 16, 3), np.uint8), ["glases"])
    with pytest.raises(UserError, match=r"age.*1 to 90"):
        model.generate(attributes={"age": 200})
    with pytest.raises(UserError, match="2 texts for 1 faces"):
        model.score(np.zeros((16, 16, 3), np.uint8), ["a", "b"])
