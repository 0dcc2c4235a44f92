"""A file's tensors beside those that a model needs: every difference is shown; what may be missing is drawn."""

import dataclasses
import re

import numpy as np
import pytest
from original_files import (
    SMALL,
    SMALL_DECODER,
    random_tensors,
)

from t2f_jax.convert import original, torch_writer
from t2f_jax.convert.names import decoder_names
from t2f_jax.errors import UserError


def test_every_difference_is_in_the_table(pair, tmp_path, capsys):
    tensors = dict(random_tensors(decoder_names(SMALL_DECODER, 136)))
    del tensors["encoder.layer_norm.beta"]
    tensors["encoder.layer_norm.gamma"] = np.zeros(7, np.float32)
    tensors["encoder.extra"] = np.zeros((2, 2), np.float32)
    tensors["encoder.transformer.0.layer_norm_1.beta"] = np.zeros(32, np.int64)
    torch_writer.write(tmp_path / "d.bin", tensors.items())
    with pytest.raises(UserError, match=r"d\.bin: .* 1 missing, 1 unexpected, 1 mistyped, 1 misshapen"):
        original.read_pair(tmp_path / "d.bin", *pair[1:], SMALL)
    shown = capsys.readouterr().err
    for line in (
        r"missing .*encoder.layer_norm.beta .*\(32,\)",
        r"unexpected .*encoder.extra .*\(2, 2\)",
        r"misshapen .*encoder.layer_norm.gamma .*\(7,\) instead of \(32,\)",
        r"mistyped .*layer_norm_1.beta .*int64",
    ):
        assert re.search(line, shown), shown


def test_missing_tensors_that_are_allowed_are_drawn_and_listed(pair, tmp_path, capsys):
    tensors = dict(random_tensors(decoder_names(SMALL_DECODER, 136)))
    for name in ("encoder.layer_norm.gamma", "encoder.transformer.1.feed_forward.linear_1.weight"):
        del tensors[name]
    torch_writer.write(tmp_path / "d.bin", tensors.items())
    allowed = ("encoder.layer_norm.*", "*.linear_1.weight")
    options = dataclasses.replace(SMALL, allow_missing=allowed)
    model = original.read_pair(tmp_path / "d.bin", *pair[1:], options)
    first, *others = capsys.readouterr().err.splitlines()
    assert "WARNING" in first and "2 of 38 tensors are missing, as allowed, and INITIALIZED AT RANDOM" in first
    assert [line.strip() for line in others] == [
        "encoder.layer_norm.gamma",
        "encoder.transformer.1.feed_forward.linear_1.weight",
    ]
    assert (model.params["final_norm"]["scale"] == 1).all()
    assert 0.015 < model.params["layer_1"]["mlp"]["up"]["kernel"].std() < 0.025
