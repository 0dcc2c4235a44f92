"""The original's files become a model, in float32 and bit for bit; a pair that does not fit is refused."""

import dataclasses

import jax
import numpy as np
import pytest
from original_files import (
    GOLDEN,
    GOLDEN_PIECES,
    GOLDEN_VQGAN,
    SMALL,
    SMALL_DECODER,
    golden_decoder,
    golden_vqgan,
    random_tensors,
    same_params,
    vocabulary,
)

from t2f_jax.convert import original, torch_writer
from t2f_jax.convert.names import decoder_names
from t2f_jax.convert.original import Options
from t2f_jax.errors import UserError
from t2f_jax.inference.model import Model
from t2f_jax.models.vqgan import VQGAN


def test_the_golden_files_give_the_originals_outputs(tmp_path, capsys):
    torch_writer.write(tmp_path / "d.bin", golden_decoder())
    prefixed = ((f"first_stage_model.{name}", value) for name, value in golden_vqgan())
    rest = [("transformer.blocks.0.attn.mask", np.ones((2, 2), np.float32)), ("loss.w", np.ones(3, np.float32))]
    torch_writer.write(tmp_path / "v.ckpt", [*prefixed, *rest], "state_dict")
    words = vocabulary(tmp_path / "vocab.txt", GOLDEN_PIECES)
    options = Options(heads=GOLDEN["config"]["heads_num"], image_size=64)
    model = Model(original.read_pair(tmp_path / "d.bin", tmp_path / "v.ckpt", words, options))
    told = "2 tensors that the model does not need are left out: 1 of transformer, 1 of loss"
    assert told in capsys.readouterr().err

    tokens, segments = (np.array(GOLDEN[key], np.int32) for key in ("src", "seg"))
    positions = np.broadcast_to(np.arange(tokens.shape[1], dtype=np.int32), tokens.shape)
    logits = np.asarray(jax.jit(model.decoder.apply)({"params": model.params}, tokens, segments, positions))
    real = segments > 0  # a pad's own query sees no key here
    np.testing.assert_allclose(logits[real], np.array(GOLDEN["logits"])[real], atol=2e-5)

    x = np.sin(0.05 * np.arange(2 * 3 * 64 * 64)).reshape(2, 3, 64, 64).transpose(0, 2, 3, 1).astype(np.float32)
    config = model.image_tokenizer.config
    assert config.ch_mult == (1, 1, 2, 2, 4) and config.attn_resolutions == (4,) and config.num_res_blocks == 2
    codes = VQGAN(config).apply({"params": model.image_tokenizer.params}, x, method="encode_codes")
    assert np.asarray(codes).reshape(-1).tolist() == GOLDEN_VQGAN["indices"]


def test_images_of_more_codes_than_positions_are_refused(pair):
    with pytest.raises(
        UserError, match=r"no room for a prompt beside the 1024 codes of an image of 256 x 256.*--image-size"
    ):
        original.read_pair(*pair, dataclasses.replace(SMALL, image_size=256))


def test_an_unexpected_head_bias_is_left_out_with_a_warning(pair, model, tmp_path, capsys):
    tensors = dict(random_tensors(decoder_names(SMALL_DECODER, 136)))
    tensors["target.lm.output_layer.bias"] = np.zeros(136, np.float32)
    torch_writer.write(tmp_path / "d.bin", tensors.items())
    same_params(original.read_pair(tmp_path / "d.bin", *pair[1:], SMALL).params, model.params)
    said = capsys.readouterr().err
    assert said.startswith("WARNING") and "target.lm.output_layer.bias" in said


def test_half_precision_is_widened(pair, model, tmp_path):
    tensors = {k: v.astype(np.float16) for k, v in random_tensors(decoder_names(SMALL_DECODER, 136))}
    torch_writer.write(tmp_path / "d.bin", tensors.items())
    half = original.read_pair(tmp_path / "d.bin", *pair[1:], SMALL)
    same_params(half.params, jax.tree.map(lambda x: x.astype(np.float16).astype(np.float32), model.params))


def test_a_wrong_vocabulary_is_refused(pair, tmp_path):
    words = vocabulary(tmp_path / "vocab.txt", 119)
    told = r"vocab\.txt: 119 pieces and the 16 image codes of last.ckpt make 135 ids, but talk2face.bin knows 136"
    with pytest.raises(UserError, match=told):
        original.read_pair(*pair[:2], words, SMALL)
    lines = [f"word{i}" for i in range(30_518)]
    (tmp_path / "vocab.txt").write_text("\n".join([*lines, "[PAD]", "[UNK]", "[CLS]", "[SEP]"]) + "\n")
    with pytest.raises(UserError, match=r"stand at .30518, .* in the original's vocabulary at .0, 100, 101, 102"):
        original.read_pair(*pair[:2], tmp_path / "vocab.txt", SMALL)
