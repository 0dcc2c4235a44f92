"""Verify finds no difference between equal models and every difference between others."""

import pytest
from original_files import (
    SMALL_VQGAN,
)

from t2f_jax import bundle, cli
from t2f_jax.convert import verify
from t2f_jax.models.image_tokenizer import ImageTokenizer


def test_verify_finds_no_difference_and_every_difference(model, pair, tmp_path):
    bundle.save(tmp_path / "a", model)
    cli.main(["convert", "export", str(tmp_path / "a"), "--to", "original", "--out", str(tmp_path / "b")])
    cli.main(["convert", "verify", str(tmp_path / "a"), str(tmp_path / "b"), "--tolerance", "0"])
    other = bundle.load(tmp_path / "a")
    other.params["layer_1"]["mlp"]["up"]["bias"] = other.params["layer_1"]["mlp"]["up"]["bias"] + 0.01
    rows = {row.part: row.difference for row in verify.compare(model, other, 1e-4)}
    assert rows["logits, to image"] > 1e-4 and rows["logits, to caption"] > 1e-4 and rows["image codes"] == 0
    conv = dict(model.image_tokenizer.params["post_quant_conv"])
    conv["bias"] = conv["bias"] + 0.1
    changed = ImageTokenizer(SMALL_VQGAN, {**model.image_tokenizer.params, "post_quant_conv": conv})
    rows = {row.part: row.difference for row in verify.compare(model.image_tokenizer, changed, 1e-4)}
    assert rows["decoded images"] > 1e-4
    bundle.save_image_tokenizer(tmp_path / "c", SMALL_VQGAN, changed.params, {})
    with pytest.raises(SystemExit) as stopped:
        cli.main(["convert", "verify", str(tmp_path / "a"), str(tmp_path / "c")])
    assert stopped.value.code == 1


def test_nan_is_not_equal_to_nan(model):
    conv = {**model.image_tokenizer.params["post_quant_conv"]}
    conv["bias"] = conv["bias"] * float("nan")
    broken = ImageTokenizer(SMALL_VQGAN, {**model.image_tokenizer.params, "post_quant_conv": conv})
    rows = {row.part: row.difference for row in verify.compare(broken, broken, 1e-4)}
    assert rows["decoded images"] == float("inf")
