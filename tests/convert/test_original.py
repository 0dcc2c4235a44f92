"""The original's files become a model and come back bit for bit; whatever does not fit is shown and refused."""

import dataclasses
import json
import pathlib
import re

import jax
import numpy as np
import pytest
from flax import traverse_util
from original_files import (
    BASE_DECODER,
    BASE_VQGAN,
    FIXTURES,
    GOLDEN,
    GOLDEN_PIECES,
    GOLDEN_VQGAN,
    SMALL_DECODER,
    SMALL_VQGAN,
    golden_decoder,
    golden_vqgan,
    random_tensors,
    small_pair,
    vocabulary,
)

from t2f_jax import bundle, cli
from t2f_jax.cli import opening
from t2f_jax.config.schema import DecoderRunConfig, Preprocess, VQGANConfig
from t2f_jax.convert import export, original, quirks, torch_writer, verify
from t2f_jax.convert.names import decoder_names, to_original, to_ours, vqgan_names
from t2f_jax.convert.original import Options
from t2f_jax.convert.torch_reader import TorchFile
from t2f_jax.errors import UserError
from t2f_jax.models import params as params_module
from t2f_jax.models.image_tokenizer import ImageTokenizer, fingerprint, to_unit
from t2f_jax.models.vqgan import VQGAN
from t2f_jax.tokens import templates

SMALL = Options(heads=2, image_size=32)


def quiet(_):
    pass


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return small_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def model(pair):
    return original.read_pair(*pair, SMALL)


def same(first, second):
    first, second = (traverse_util.flatten_dict(x, sep=".") for x in (first, second))
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].dtype == second[name].dtype == np.float32
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


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


def test_the_golden_files_give_the_originals_outputs(tmp_path):
    torch_writer.write(tmp_path / "d.bin", golden_decoder())
    prefixed = ((f"first_stage_model.{name}", value) for name, value in golden_vqgan())
    rest = [("transformer.blocks.0.attn.mask", np.ones((2, 2), np.float32)), ("loss.w", np.ones(3, np.float32))]
    torch_writer.write(tmp_path / "v.ckpt", [*prefixed, *rest], "state_dict")
    words, said = vocabulary(tmp_path / "vocab.txt", GOLDEN_PIECES), []
    options = Options(heads=GOLDEN["config"]["heads_num"], image_size=64)
    model = original.read_pair(tmp_path / "d.bin", tmp_path / "v.ckpt", words, options, said.append)
    assert "2 tensors of the transformer and of the loss are left out" in said[0]

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


def test_a_model_folder_goes_back_to_the_same_files(pair, model, tmp_path):
    bundle.save(tmp_path / "model", model)
    again = opening.open_model(tmp_path / "model")
    assert isinstance(again, bundle.Bundle)
    same(again.params, model.params)
    export.to_original_pair(again, tmp_path / "out")
    for file in pair:
        assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes()
    told = json.loads((tmp_path / "out" / "vqgan.yaml").read_text())["model"]["params"]
    assert told["n_embed"] == 16 and told["ddconfig"]["attn_resolutions"] == [4]


def test_images_of_more_codes_than_positions_are_refused(pair):
    with pytest.raises(UserError, match=r"no prompt beside the 1024 codes of an image of 256 x 256.*--image-size"):
        original.read_pair(*pair, dataclasses.replace(SMALL, image_size=256))


def test_a_vqgan_keeps_the_prefix_that_it_came_with(tmp_path):
    pair = small_pair(tmp_path, prefix="first_stage_model.")
    export.to_original_pair(original.read_pair(*pair, SMALL), tmp_path / "out")
    assert (tmp_path / "out" / "last.ckpt").read_bytes() == pair[1].read_bytes()
    assert json.loads((tmp_path / "out" / "base_config.json").read_text())["image_tokenizer"]["is_transformer"]


def test_a_torch_module_of_the_originals_names_loads_the_export_strictly(model, tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[torch]'")
    export.to_original_pair(model, tmp_path / "out")

    def module(names):
        """A bare module whose state_dict has these names and shapes."""
        root = torch.nn.Module()
        for name in names:
            *path, leaf = name.original.split(".")
            at = root
            for part in path:
                if part not in dict(at.named_children()):
                    at.add_module(part, torch.nn.Module())
                at = getattr(at, part)
            at.register_parameter(leaf, torch.nn.Parameter(torch.zeros(name.shape)))
        return root

    decoder = module(decoder_names(SMALL_DECODER, 136))
    decoder.load_state_dict(torch.load(tmp_path / "out" / "talk2face.bin", weights_only=True), strict=True)
    vqgan = module(vqgan_names(SMALL_VQGAN))
    vqgan.load_state_dict(torch.load(tmp_path / "out" / "last.ckpt", weights_only=True)["state_dict"], strict=True)
    qkv = model.params["layer_1"]["attention"]["qkv"]["kernel"]
    weight = decoder.get_parameter("encoder.transformer.1.self_attn.linear_layers.2.weight").detach().numpy()
    np.testing.assert_array_equal(weight, qkv[:, 64:].T)


def test_every_difference_is_in_the_table(pair, tmp_path):
    tensors = dict(random_tensors(decoder_names(SMALL_DECODER, 136)))
    del tensors["encoder.layer_norm.beta"]
    tensors["encoder.layer_norm.gamma"] = np.zeros(7, np.float32)
    tensors["encoder.extra"] = np.zeros((2, 2), np.float32)
    tensors["encoder.transformer.0.layer_norm_1.beta"] = np.zeros(32, np.int64)
    torch_writer.write(tmp_path / "d.bin", tensors.items())
    said = []
    with pytest.raises(UserError, match=r"d\.bin: .* 1 missing, 1 unexpected, 1 mistyped, 1 misshapen"):
        original.read_pair(tmp_path / "d.bin", *pair[1:], SMALL, said.append)
    shown = "\n".join(said)
    for line in (
        r"missing .*encoder.layer_norm.beta .*\(32,\)",
        r"unexpected .*encoder.extra .*\(2, 2\)",
        r"misshapen .*encoder.layer_norm.gamma .*\(7,\) instead of \(32,\)",
        r"mistyped .*layer_norm_1.beta .*int64",
    ):
        assert re.search(line, shown), shown


def test_missing_tensors_that_are_allowed_are_drawn_and_told(pair, tmp_path):
    tensors = dict(random_tensors(decoder_names(SMALL_DECODER, 136)))
    for name in ("encoder.layer_norm.gamma", "encoder.transformer.1.feed_forward.linear_1.weight"):
        del tensors[name]
    torch_writer.write(tmp_path / "d.bin", tensors.items())
    said, allowed = [], ("encoder.layer_norm.*", "*.linear_1.weight")
    options = dataclasses.replace(SMALL, allow_missing=allowed)
    model = original.read_pair(tmp_path / "d.bin", *pair[1:], options, said.append)
    assert "WARNING" in said[0] and "2 of 38 tensors are missing, as allowed, and DRAWN AT RANDOM" in said[0]
    assert (model.params["final_norm"]["scale"] == 1).all()
    assert 0.015 < model.params["layer_1"]["mlp"]["up"]["kernel"].std() < 0.025


def test_an_unexpected_head_bias_is_left_out_loudly(pair, model, tmp_path):
    tensors = dict(random_tensors(decoder_names(SMALL_DECODER, 136)))
    tensors["target.lm.output_layer.bias"] = np.zeros(136, np.float32)
    torch_writer.write(tmp_path / "d.bin", tensors.items())
    said = []
    same(original.read_pair(tmp_path / "d.bin", *pair[1:], SMALL, said.append).params, model.params)
    assert "WARNING" in said[0] and "target.lm.output_layer.bias" in said[0]


def test_half_precision_is_widened(pair, model, tmp_path):
    tensors = {k: v.astype(np.float16) for k, v in random_tensors(decoder_names(SMALL_DECODER, 136))}
    torch_writer.write(tmp_path / "d.bin", tensors.items())
    half = original.read_pair(tmp_path / "d.bin", *pair[1:], SMALL, quiet)
    same(half.params, jax.tree.map(lambda x: x.astype(np.float16).astype(np.float32), model.params))


def test_a_wrong_vocabulary_is_refused(pair, tmp_path):
    words = vocabulary(tmp_path / "vocab.txt", 119)
    told = r"vocab\.txt: 119 pieces and the 16 image codes of last.ckpt make 135 ids, but talk2face.bin knows 136"
    with pytest.raises(UserError, match=told):
        original.read_pair(*pair[:2], words, SMALL)
    lines = [f"word{i}" for i in range(30_518)]
    (tmp_path / "vocab.txt").write_text("\n".join([*lines, "[PAD]", "[UNK]", "[CLS]", "[SEP]"]) + "\n")
    with pytest.raises(UserError, match=r"stand at .30518, .* in the original's vocabulary at .0, 100, 101, 102"):
        original.read_pair(*pair[:2], tmp_path / "vocab.txt", SMALL)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("encoder.conv_in.weight", np.zeros(3, np.float32), "'encoder.conv_in.weight' has the shape"),
        ("quantize.embedding.weight", None, "no tensor 'quantize.embedding.weight'"),
        ("encoder.down.2.block.0.conv1.weight", np.zeros((33, 32, 3, 3), np.float32), "not multiples of conv_in's 32"),
        ("encoder.down.40.block.0.conv1.weight", np.zeros((32, 32, 3, 3), np.float32), "no tensor 'encoder.down.4.blo"),
    ],
)
def test_a_vqgan_without_structure_is_refused(tmp_path, name, value, told):
    tensors = dict(random_tensors(vqgan_names(SMALL_VQGAN)))
    tensors.pop(name, None)
    if value is not None:
        tensors[name] = value
    torch_writer.write(tmp_path / "v.ckpt", tensors.items())
    with pytest.raises(UserError, match=told):
        original.read_vqgan(tmp_path / "v.ckpt", SMALL, quiet)


def test_compat_sets_every_quirk_and_each_can_be_changed(pair, model):
    assert model.preprocess == Preprocess(1.0, "squash", "paper_double")
    assert model.run_config.loss_span == "all" and model.run_config.model.norm == "talk2face"
    assert model.run_config.optim.kind == "bert" and model.run_config.optim.schedule == "linear"
    assert (model.sampler.top_k, model.sampler.top_p, model.sampler.temperature) == (70, 1.0, 1.0)
    assert original.read_pair(*pair, dataclasses.replace(SMALL, range="clip_double")).preprocess.range == "clip_double"
    plain = original.read_pair(*pair, dataclasses.replace(SMALL, compat=False))
    assert plain.preprocess == Preprocess() and plain.run_config.model.norm == "talk2face"
    assert plain.run_config.loss_span == DecoderRunConfig().loss_span and plain.sampler.top_k == 0
    told = quirks.explain()
    assert all(quirk.option in told and quirk.effect in told for quirk in quirks.QUIRKS)


def test_the_range_of_pixels_reaches_the_encoder(model):
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    x = images / np.float32(255)
    mean, std = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])
    read = {"correct": 2 * x - 1, "paper_double": 2 * (2 * x - 1) - 1, "clip_double": 2 * (x - mean) / std - 1}
    vqgan, params = VQGAN(SMALL_VQGAN), model.image_tokenizer.params
    latent = jax.jit(lambda x: vqgan.apply({"params": params}, x, method="encode"))
    rows = [np.asarray(latent(pixels.astype(np.float32)))[0, 0] for pixels in read.values()]
    params = {**params, "quantize": {"embedding": np.concatenate([*rows, rows[0]])}}  # each range has its own codes
    for i, (name, pixels) in enumerate(read.items()):
        np.testing.assert_allclose(to_unit(images, name), pixels, atol=2e-6)
        codes = np.asarray(ImageTokenizer(SMALL_VQGAN, params, name).encode(images))
        assert codes[0, :4].tolist() == [4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3]
    assert model.image_tokenizer.range == "paper_double"
    prints = {fingerprint(ImageTokenizer(SMALL_VQGAN, params, name)) for name in read}
    assert len(prints) == 3, "codes made under another range are another tokenizer's"


def test_the_original_format_refuses_what_it_cannot_hold(model, tmp_path):
    other = dataclasses.replace(model.run_config.model, norm="rmsnorm", positions="rotary", tie=True, image_position=64)
    model = bundle.Bundle(
        dataclasses.replace(model.run_config, model=other), model.params, model.image_tokenizer, model.tokenizer,
        model.schema, model.preprocess, {}, "new",
    )  # fmt: skip
    with pytest.raises(UserError, match=r"new: .*positions=rotary .*image_position=64 .*norm=rmsnorm .*tie=True"):
        export.to_original_pair(model, tmp_path / "out")
    patch = VQGANConfig(patch=4, encoder="patch", ch=24, ch_mult=(1,))
    with pytest.raises(UserError, match=r"patch=4 \(there: 1\), .*encoder=patch .*ch=24"):
        export.to_original_vqgan(ImageTokenizer(patch, {}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


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


def test_the_command_imports_a_pair_and_an_image_tokenizer_alone(pair, tmp_path, capsys):
    decoder, vqgan, words = map(str, pair)
    options = ["--image-size", "32", "--heads", "2"]
    everything = ["--decoder", decoder, "--vqgan", vqgan, "--vocab", words]
    cli.main(["convert", "import", *everything, *options, "--range", "correct", "--out", str(tmp_path / "m")])
    model = bundle.load(tmp_path / "m")
    assert model.preprocess.range == "correct" and "gender" in [a.name for a in model.schema]
    assert templates.CAPTION_PROMPT and model.provenance["imported"][0]["file"] == "talk2face.bin"
    cli.main(["convert", "import", "--vqgan", vqgan, *options, "--out", str(tmp_path / "t")])
    out = str(tmp_path / "o")
    cli.main(["convert", "export", str(tmp_path / "t"), "--to", "original", "--out", out])
    assert (tmp_path / "o" / "last.ckpt").read_bytes() == pair[1].read_bytes()
    cli.main(["convert", "export", str(tmp_path / "m"), "--to", "safetensors", "--out", str(tmp_path / "s")])
    names = {p.name for p in (tmp_path / "s").iterdir()}
    assert names == {"decoder.safetensors", "decoder.json", "image_tokenizer.safetensors", "image_tokenizer.json",
                     "vocab.txt"}  # fmt: skip
    with pytest.raises(SystemExit):
        cli.main(["convert", "import", "--decoder", decoder, "--vqgan", vqgan, "--out", str(tmp_path / "n")])
    assert "--decoder and --vocab go together" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["convert", "import", "--vqgan", vqgan, "--range", "correct", "--out", str(tmp_path / "n")])
    assert "--range is a whole model's" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["convert", "export", str(tmp_path / "m"), "--to", "original", "--out", str(tmp_path / "s")])
    assert "already there" in capsys.readouterr().err and (tmp_path / "s" / "decoder.json").is_file()


@pytest.mark.slow
def test_all_541_tensors_go_round_at_full_size(tmp_path):
    words = pathlib.Path(__file__).parents[3] / "shared" / "fixtures" / "google_uncased_en_vocab.txt"
    if not words.is_file():
        words = vocabulary(tmp_path / "words.txt", 30_522)
        lines = [f"piece{i}" for i in range(30_522)]
        lines[0], lines[100], lines[101], lines[102] = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
        words.write_text("\n".join(lines) + "\n")
    sources = decoder_names(BASE_DECODER, 31_546), vqgan_names(BASE_VQGAN)
    files = tmp_path / "talk2face.bin", tmp_path / "last.ckpt"
    for file, names, key in zip(files, sources, (None, "state_dict")):
        torch_writer.write(file, random_tensors(names), key)
    cli.main(["convert", "import", "--decoder", str(files[0]), "--vqgan", str(files[1]), "--vocab", str(words),
              "--out", str(tmp_path / "m")])  # fmt: skip
    cli.main(["convert", "export", str(tmp_path / "m"), "--to", "original", "--out", str(tmp_path / "o")])
    count = 0
    for file in files:
        before, after = TorchFile(file), TorchFile(tmp_path / "o" / file.name)
        assert list(before.tensors) == list(after.tensors)
        for name in before.tensors:
            assert before.read(name).tobytes() == after.read(name).tobytes()
            count += 1
    assert count == 541
