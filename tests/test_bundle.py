"""Model folders: saved and loaded bit for bit, refused with a clear line where a part is missing, broken or foreign."""

import copy
import dataclasses
import json

import numpy as np
import pytest
import small_model
from flax import traverse_util

from t2f_jax import bundle
from t2f_jax.errors import UserError
from t2f_jax.inference.sampler import Sampler


@pytest.fixture(scope="module")
def model():
    return small_model.make_bundle()


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
    prompts = [model.prompt("a man", {"glasses": "yes"})] * 3
    codes = model.generate_codes(prompts, [3, 4, 5])
    faces = model.decode(codes)
    assert faces.shape == (3, 16, 16, 3) and faces.dtype == np.uint8
    assert np.array_equal(model.generate_codes(prompts[:1], [4])[0], codes[1])
    captions = model.caption(faces, sampler=Sampler(temperature=1.0), seeds=[1, 2, 3])
    assert len(captions) == 3 and all(isinstance(c, str) for c in captions)
    for answer in model.probabilities(codes, ["age", "gender"]):
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
    with pytest.raises(UserError, match="2 texts for 1 faces"):
        model.score(np.zeros((16, 16, 3), np.uint8), ["a", "b"])


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
