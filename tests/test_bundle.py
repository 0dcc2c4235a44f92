"""Model folders: saved and loaded bit for bit, refused with a clear line where a part is missing, broken or foreign."""

import copy
import dataclasses
import json

import jax
import numpy as np
import pytest
from flax import traverse_util

from t2f_jax import bundle, templates, text_tokenizer
from t2f_jax.config import DecoderConfig, DecoderRunConfig, VQGANConfig
from t2f_jax.errors import UserError
from t2f_jax.image_tokenizer import ImageTokenizer
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.vqgan import VQGAN
from t2f_jax.sampler import Sampler

SCHEMA = (
    templates.Attribute("gender", ("male", "female")),
    templates.Attribute("glasses", ("no", "yes")),
    templates.Attribute("age", (), 1, 90),
)


@pytest.fixture(scope="module")
def model():
    vq = VQGANConfig(
        resolution=16, patch=2, ch=8, ch_mult=(1, 2), attn_resolutions=(), z_channels=8, embed_dim=4, n_embed=16
    )
    vq_params = VQGAN(vq).init(jax.random.key(0), np.zeros((1, 16, 16, 3), np.float32))["params"]
    sentences = [
        "gender : male",
        "gender : female",
        "glasses : yes , glasses : no",
        "a man with glasses",
        "to image to caption",
    ]
    words = text_tokenizer.train_sentencepiece(
        sentences + ["to attributes"] + [f"age : {n}" for n in range(1, 91)], vocab_size=80
    )
    run = DecoderRunConfig(model=DecoderConfig(layers=2, width=16, heads=2, mlp=32, max_length=96), sequence_length=64)
    vocab = text_tokenizer.vocab(words, vq.n_embed)
    row = np.zeros((1, 4), np.int32)
    params = Decoder(dataclasses.replace(run.model, scan=False), vocab.size).init(jax.random.key(1), row, row, row)[
        "params"
    ]
    return bundle.Model(
        run, params, ImageTokenizer(vq, vq_params), words, SCHEMA, bundle.Preprocess(0.9), {"steps": 3}, "tiny"
    )


@pytest.fixture
def folder(model, tmp_path):
    bundle.save(tmp_path / "model", model)
    return tmp_path / "model"


def test_a_model_folder_gives_back_every_bit(model, folder):
    again = bundle.load(folder)
    for part in ("params", "image_tokenizer.params"):
        first, second = model, again
        for name in part.split("."):
            first, second = getattr(first, name), getattr(second, name)
        first, second = traverse_util.flatten_dict(first, sep="."), traverse_util.flatten_dict(second, sep=".")
        assert first.keys() == second.keys()
        assert all(np.array_equal(first[k], second[k]) and first[k].dtype == second[k].dtype for k in first)
    assert again.hash == model.hash
    assert (again.schema, again.vocab, again.run_config) == (model.schema, model.vocab, model.run_config)
    assert (again.preprocess, again.provenance, again.name) == (model.preprocess, {"steps": 3}, "tiny")


def test_a_loaded_model_does_every_task(folder):
    model = bundle.load(folder)
    faces = model.generate("a man", {"glasses": "yes"}, seeds=[3, 4, 5])
    assert faces.shape == (3, 16, 16, 3) and faces.dtype == np.uint8
    assert np.array_equal(model.generate("a man", {"glasses": "yes"}, seeds=[4])[0], faces[1])
    captions = model.caption(faces, sampler=Sampler(temperature=1.0), seeds=[1, 2, 3])
    assert len(captions) == 3 and all(isinstance(c, str) for c in captions)
    for answer in model.analyze(faces, ["age", "gender"]):
        assert answer["age"].shape == (90,) and answer["gender"].shape == (2,)
        assert all(abs(p.sum() - 1) < 1e-5 for p in answer.values())


def test_a_prompt_has_the_room_that_training_gave_it(model):
    assert model.text_length == 48  # 64 ids in a row, 16 of them codes; the config's text_length is 64
    fits = [n for n in range(1, 80) if model.holds(" ".join(["man"] * n))]
    assert fits == list(range(1, len(fits) + 1)) and 0 < len(fits) < 48


def test_a_caption_without_room_is_refused(model):
    short = copy.copy(model)
    short.decoder = model.decoder.clone(config=dataclasses.replace(model.decoder.config, max_length=20))
    with pytest.raises(UserError, match="20 positions leave no room"):
        short.caption(np.zeros((1, 16, 16, 3), np.uint8))


def test_what_the_model_does_not_know_is_named(folder):
    model = bundle.load(folder)
    with pytest.raises(UserError, match=r"glases.*glasses"):
        model.analyze(np.zeros((16, 16, 3), np.uint8), ["glases"])
    with pytest.raises(UserError, match=r"age.*1 to 90"):
        model.generate(attributes={"age": 200})
    with pytest.raises(UserError, match="2 texts for 3 seeds"):
        model.generate(["a", "b"], seeds=[1, 2, 3])


@pytest.mark.parametrize(
    "part",
    ["config.json", "decoder.safetensors", "image_tokenizer.safetensors", "provenance.json", "text_tokenizer.model"],
)
def test_a_missing_part_is_named(folder, part):
    (folder / part).unlink()
    with pytest.raises(UserError, match=part.split(".")[0]) as caught:
        bundle.load(folder)
    assert "\n" not in str(caught.value)


def test_broken_parts_are_refused(folder):
    weights = folder / "decoder.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"decoder\.safetensors.*not a whole"):
        bundle.load(folder)
    weights.write_bytes(whole)
    config = json.loads((folder / "config.json").read_text())
    config["decoder"]["model"]["width"] = 32
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="misshapen"):
        bundle.load(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(UserError, match="broken"):
        bundle.load(folder)


def test_a_folder_that_is_none_is_named(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        bundle.load(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"config\.json"):
        bundle.load(tmp_path)


def test_a_failed_save_leaves_the_earlier_model(model, folder, monkeypatch):
    before = (folder / "decoder.safetensors").read_bytes()
    monkeypatch.setattr(bundle, "write_json", lambda *_: (_ for _ in ()).throw(OSError("no space left on device")))
    with pytest.raises(OSError, match="no space"):
        bundle.save(folder, model)
    assert (folder / "decoder.safetensors").read_bytes() == before
    assert [p.name for p in folder.parent.iterdir()] == ["model"]
