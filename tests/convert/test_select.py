"""Wrappers' prefixes are taken off a file's names; parts of other models are left out, and the user's patterns."""

import dataclasses

import jax
import ml_dtypes
import numpy as np
import pytest
from original_files import SMALL, SMALL_DECODER, SMALL_VQGAN, random_tensors, same_params
from torch_files import archive, dictionary, tensor

from t2f_jax.convert import original, torch_writer
from t2f_jax.convert.names import decoder_names, vqgan_names
from t2f_jax.errors import UserError

VQGAN = dict(random_tensors(vqgan_names(SMALL_VQGAN), 1))


def opened(path, tensors, options=SMALL):
    """What is read from a VQGAN's tensors: prefix and parameters."""
    torch_writer.write(path, tensors.items(), "state_dict")
    _, prefix, read = original.open_vqgan(path, options)
    return prefix, read()


@pytest.mark.parametrize(
    "prefix",
    [
        *("", "module.", "_orig_mod.", "model.", "module._orig_mod.", "first_stage_model.", "_forward_module."),
        *("_forward_module.module._orig_mod.model.", "_fsdp_wrapped_module."),
    ],
)
def test_prefixes_of_wrappers_are_taken_off(model, tmp_path, capsys, prefix):
    kept, params = opened(tmp_path / "v.ckpt", {prefix + name: value for name, value in VQGAN.items()})
    same_params(params, model.image_tokenizer.params)
    assert kept == ("first_stage_model." if "first" in prefix else "")
    assert ("removed" in capsys.readouterr().err) == (prefix not in ("", "first_stage_model."))


def test_a_decoder_of_dataparallel_is_read(pair, model, tmp_path):
    tensors = random_tensors(decoder_names(SMALL_DECODER, 136))
    torch_writer.write(tmp_path / "d.bin", ((f"module.{name}", value) for name, value in tensors))
    same_params(original.read_pair(tmp_path / "d.bin", *pair[1:], SMALL).params, model.params)


def test_parts_beside_the_tokenizer_are_left_out(model, tmp_path, capsys):
    shadow = {f"model_ema.{name.replace('.', '')}": value for name, value in VQGAN.items()}
    beside = {"colorize": np.zeros((3, 3, 1, 1), np.float32), "quantize.used": np.arange(16)}
    same_params(opened(tmp_path / "v.ckpt", VQGAN | shadow | beside)[1], model.image_tokenizer.params)
    assert f"{len(VQGAN)} of model_ema" in capsys.readouterr().err
    stages = {f"{part}_stage_model.{name}": value for part in ("first", "cond") for name, value in VQGAN.items()}
    stages |= {"transformer.pos_emb": np.zeros(4, np.float32), "model.diffusion_model.x": np.zeros(4, np.float32)}
    same_params(opened(tmp_path / "v.ckpt", stages)[1], model.image_tokenizer.params)


@pytest.mark.parametrize("prefix", ["", "module.", "first_stage_model."])
def test_averaged_weights_are_taken_on_demand(model, tmp_path, capsys, prefix):
    inside = "" if "first" in prefix else prefix
    plain = {prefix + name: value + 1 for name, value in VQGAN.items()}
    shadow = {f"{inside}model_ema.{name.replace('.', '')}": value for name, value in VQGAN.items()}
    shadow |= {f"{inside}model_ema.decay": np.float32(0.99).reshape(()), f"{inside}model_ema.num_updates": np.array(7)}
    options = dataclasses.replace(SMALL, ema=True)
    same_params(opened(tmp_path / "v.ckpt", plain | shadow, options)[1], model.image_tokenizer.params)
    assert f"{len(VQGAN)} averaged tensors" in capsys.readouterr().err
    with pytest.raises(UserError, match="no averaged weights in it"):
        opened(tmp_path / "v.ckpt", plain, options)


@pytest.mark.parametrize("keys", [["params"], ["model", "state_dict"], ["state_dict", "module"], ["net"]])
def test_a_state_dictionary_inside_others_is_found(model, tmp_path, torch, keys):
    value = {name: torch.from_numpy(array) for name, array in VQGAN.items()}
    for key in reversed(keys):
        value = {key: value, "epoch": 3, "optimizer": {"state": {}}}
    torch.save(value, tmp_path / "v.ckpt")
    same_params(original.open_vqgan(tmp_path / "v.ckpt", SMALL)[2](), model.image_tokenizer.params)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ml_dtypes.bfloat16])
def test_weights_of_another_float_type_are_read(model, tmp_path, dtype):
    params = opened(tmp_path / "v.ckpt", {name: value.astype(dtype) for name, value in VQGAN.items()})[1]
    rounded = jax.tree.map(lambda x: np.asarray(x).astype(dtype).astype(np.float32), model.image_tokenizer.params)
    same_params(params, rounded)


def test_new_numbers_of_codes_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"v\.ckpt: its codes have new numbers .*keeps 4 of 16"):
        opened(tmp_path / "v.ckpt", VQGAN | {"quantize.used": np.arange(4)})


def test_unexpected_tensors_are_left_out_by_pattern(model, tmp_path):
    more = VQGAN | {"discriminator.w": np.zeros(3, np.float32)}
    with pytest.raises(UserError, match="--ignore PATTERN"):
        opened(tmp_path / "v.ckpt", more)
    options = dataclasses.replace(SMALL, ignore=("discriminator.*",))
    same_params(opened(tmp_path / "v.ckpt", more, options)[1], model.image_tokenizer.params)
    with pytest.raises(UserError, match=r"both 'encoder.conv_in.bias' and 'module.encoder.conv_in.bias'"):
        twice = {"encoder.conv_in.bias": VQGAN["encoder.conv_in.bias"]}
        opened(tmp_path / "v.ckpt", twice | {f"module.{name}": value for name, value in VQGAN.items()})


def test_a_type_that_is_not_read_is_named(tmp_path):
    pickle = dictionary(weight=tensor(), freqs_cis=tensor("1", storage="ComplexFloatStorage"))
    archive(tmp_path / "d.bin", pickle, [bytes(24), bytes(48)])
    with pytest.raises(UserError, match=r"d\.bin: tensor 'freqs_cis' is of type complex64, which no part of this"):
        original.open_decoder(tmp_path / "d.bin", SMALL)
    with pytest.raises(UserError, match=r"no tensor 'embedding\.word"):
        original.open_decoder(tmp_path / "d.bin", dataclasses.replace(SMALL, ignore=("freqs*",)))


def test_tokenizers_of_other_kinds_are_named(tmp_path):
    gumbel = {name.replace("quantize.embedding", "quantize.embed"): value for name, value in VQGAN.items()}
    llama = VQGAN | {"encoder.conv_blocks.0.res.0.norm1.weight": np.ones(3, np.float32)}
    for tensors, what in ((gumbel, "a Gumbel quantizer"), (llama, "a LlamaGen checkpoint")):
        with pytest.raises(UserError, match=what):
            opened(tmp_path / "v.ckpt", tensors)
    torch_writer.write(tmp_path / "m.ckpt", VQGAN.items(), "model")
    assert original.open_vqgan(tmp_path / "m.ckpt", SMALL)[0] == SMALL_VQGAN


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value):
    broken = VQGAN | {"decoder.conv_in.weight": VQGAN["decoder.conv_in.weight"].astype(np.float64)}
    broken["decoder.conv_in.weight"][0, 1, 0, 0] = value
    with pytest.raises(UserError, match=r"v\.ckpt: tensor 'decoder.conv_in.weight' holds NaN or inf.*\[0, 1, 0, 0\]"):
        opened(tmp_path / "v.ckpt", broken)
