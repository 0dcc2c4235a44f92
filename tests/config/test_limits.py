"""What must fit together: each rule refuses the values that break it and names their keys."""

import re

import pytest

from t2f_jax import config
from t2f_jax.errors import UserError


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["decoder.model.heads=5"], "decoder.model.width=128 is not a multiple of decoder.model.heads=5"),
        (["data.image_size=32"], "image.model.resolution=64 differs from data.image_size=32; make them equal"),
        (["image.model.in_channels=1"], "image.model.in_channels=1 must be 3"),
        (["image.model.ch_mult=()"], "image.model.ch_mult=() must hold a whole number from 1 on for each level"),
        (["image.model.ch_mult=(0,)"], "config key 'image.model.ch_mult' must lie between 1 and 1000, got 0"),
        (["image.model.patch=7"], "image.model.resolution=64 is not a multiple of the factor 7"),
        (
            ["image.model.ch_mult=(1, 2)"],
            "image.model.encoder=patch has no levels to scale down by: set image.model.ch_mult=(1,) and"
            " image.model.patch=16",
        ),
        (["decoder.pack=4", "decoder.row_length=100"], "decoder.row_length=100 is too short for an example of"),
        (["decoder.accumulate=3"], "decoder.train.batch_size=32 is not a multiple of decoder.accumulate=3"),
        (["decoder.tasks.prompt_dropout=0"], "eval.guidance=2.5 needs a decoder that was trained on empty prompts"),
        (["decoder.text_length=200"], "decoder.text_length=200 exceeds decoder.sequence_length=116"),
        (["decoder.model.image_position=7"], "decoder.model.image_position=7 must be 0"),
        (["decoder.model.max_length=100"], "needs decoder.model.max_length=180, got 100"),
        (
            ["decoder.model.positions=rotary", "decoder.model.width=66", "decoder.model.heads=2"],
            "decoder.model.positions=rotary rotates pairs of dimensions, but decoder.model.width=66 over",
        ),
        ([f"decoder.tasks.to_{task}=0" for task in ("image", "caption", "attributes")], "or more, not all 0"),
        (["decoder.train.profile=9-5"], "train.profile=9-5 must be FIRST-LAST"),
    ],
)
def test_values_that_do_not_fit_together_are_refused(overrides, message):
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        config.load("quickstart", overrides)
    assert "\n" not in str(caught.value)
