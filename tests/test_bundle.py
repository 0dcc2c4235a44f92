"""Model folders: saved and loaded bit for bit, refused with a clear line where a part is missing, broken or foreign."""

import contextlib
import dataclasses
import functools
import json
import re

import damage
import numpy as np
import pytest
import small_model
from flax import traverse_util
from hypothesis import given, settings
from hypothesis import strategies as st

from t2f_jax import bundle
from t2f_jax.config.schema import Preprocess
from t2f_jax.errors import UserError
from t2f_jax.inference.model import load
from t2f_jax.inference.sampler import Sampler, default_sampler


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
    model = load(folder)
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


def test_pixels_are_read_in_one_range_alone(model):
    with pytest.raises(ValueError, match="reads pixels by 'correct', preprocess says 'paper_double'"):
        dataclasses.replace(model, preprocess=Preprocess(range="paper_double"))


def test_training_starts_from_weights_of_the_same_structure_alone(model):
    structure = model.run_config.model
    other = dataclasses.replace(structure, dropout=0.5, remat="full", scan=not structure.scan, init_std=1.0)
    assert bundle.initial_params(model, dataclasses.replace(other, attention="xla"), model.vocab) is model.params
    with pytest.raises(UserError, match=r"another structure; decoder\.model\.width=32, there 16; .*mlp=64, there 32$"):
        bundle.initial_params(model, dataclasses.replace(structure, width=32, mlp=64), model.vocab)
    with pytest.raises(UserError, match="another text or image tokenizer"):
        bundle.initial_params(model, structure, dataclasses.replace(model.vocab, text_size=5))


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("decoder", "text_length", 3, "'decoder.text_length' must lie between 4 and 1e+06, got 3"),
        ("decoder", "model", {"width": 15}, "decoder.model.width=15 is not a multiple of decoder.model.heads=6"),
        ("image_tokenizer", "encoder", "x", "'image_tokenizer.encoder' must be one of vqgan, patch, got 'x'"),
        ("image_tokenizer", "patch", 3, "image_tokenizer.resolution=16 is not a multiple of the factor 6"),
        ("image_tokenizer", "resolution", 0, "'image_tokenizer.resolution' must lie between 1 and 65536, got 0"),
        ("preprocess", "crop", 0.0, "'preprocess.crop' must lie between 0.01 and 1, got 0.0"),
        ("preprocess", "range", "half", "'preprocess.range' must be one of correct, paper_double, clip_double"),
        ("vocab", "pod", 3, "unknown config key 'vocab.pod'; the nearest is 'vocab.pad'"),
    ],
)
def test_a_value_of_config_json_that_cannot_be_is_named(folder, part, key, value, message):
    config = json.loads((folder / "config.json").read_text())
    config[part][key] = value
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        bundle.load(folder)
    assert str(caught.value).startswith(f"{folder / 'config.json'}: ") and "\n" not in str(caught.value)


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
    weights.write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(UserError, match=r"decoder\.safetensors.*a pointer of Git LFS"):
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


def test_a_run_that_has_not_written_its_model_yet_is_told_of(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 148, "loss": 1.5}\n{"step": 149, "loss": 1.5}\n')
    with pytest.raises(
        UserError, match=r"model: no such folder yet: the run in .* is at step 149, and writes its model"
    ):
        bundle.load(tmp_path / "model")


def test_a_folder_that_is_none_is_named(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        bundle.load(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"config\.json"):
        bundle.load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "talk2face"}')
    with pytest.raises(UserError, match=r"an export to Hugging Face, for PyTorch.*made from"):
        bundle.load(tmp_path)
    (tmp_path / "config.json").unlink()
    (tmp_path / "image_tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"an export to safetensors.*made from"):
        bundle.load(tmp_path)


def test_a_failed_save_leaves_the_earlier_model(model, folder, monkeypatch):
    before = (folder / "decoder.safetensors").read_bytes()
    monkeypatch.setattr(bundle, "write_json", lambda *_: (_ for _ in ()).throw(OSError("no space left on device")))
    with pytest.raises(OSError, match="no space"):
        bundle.save(folder, model)
    assert (folder / "decoder.safetensors").read_bytes() == before
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


@pytest.fixture(scope="module")
def one_folder(model, tmp_path_factory):
    """A model folder whose structure is not traced anew each time that it is loaded."""
    folder = tmp_path_factory.mktemp("one") / "model"
    bundle.save(folder, model)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("abstract_decoder", "abstract_vqgan"):
            patch.setattr(bundle, name, functools.cache(getattr(bundle, name)))
        yield folder


@settings(max_examples=80, deadline=None)
@given(data=st.data(), part=st.sampled_from(["config.json", "provenance.json"]))
def test_any_json_makes_a_model_or_is_refused(one_folder, data, part):
    folder = one_folder
    whole = (folder / part).read_bytes()
    values = {"config": {"eval": {"top_k": 5}}, "sources": {"drawn": {"train": 3}}, "baselines": {}, "steps": 3}
    try:
        (folder / part).write_bytes(data.draw(damage.any_json(json.loads(whole) if "config" in part else values)))
        with contextlib.suppress(UserError):
            loaded = bundle.load(folder)
            default_sampler(loaded.provenance)
    finally:
        (folder / part).write_bytes(whole)


@settings(max_examples=50, deadline=None)
@given(data=st.data(), part=st.sampled_from(["image_tokenizer.safetensors", "text_tokenizer.model"]))
def test_any_bytes_make_a_model_or_are_refused(one_folder, data, part):
    folder = one_folder
    whole = (folder / part).read_bytes()
    try:
        (folder / part).write_bytes(data.draw(damage.any_file(whole)))
        with contextlib.suppress(UserError):
            bundle.load(folder)
    finally:
        (folder / part).write_bytes(whole)
