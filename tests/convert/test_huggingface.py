"""Hugging Face folders: every weight in them, and what their README says works."""

import dataclasses
import inspect
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest
from hugging import IMAGE, answers, draw_greedily, make, pictures
from PIL import Image
from safetensors.numpy import load_file

from t2f_jax.config.schema import VQGANConfig
from t2f_jax.convert import huggingface
from t2f_jax.inference.model import Model
from t2f_jax.models import params as params_module


def test_the_folder_is_whole_and_needs_no_torch_to_be_written(tmp_path, monkeypatch):
    for name in ("torch", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    model = make()
    huggingface.export(model, tmp_path / "hf")
    names = {p.name for p in (tmp_path / "hf").iterdir()}
    weights_and_words = {"model.safetensors", "text_tokenizer.model", "config.json"}
    assert names == weights_and_words | {"modeling_talk2face.py", "provenance.json", "README.md"}
    assert [p.name for p in tmp_path.iterdir()] == ["hf"]
    config = json.loads((tmp_path / "hf/config.json").read_text())
    assert config["auto_map"]["AutoModel"] == "modeling_talk2face.Talk2FaceModel"
    assert config["preprocess"] == {"crop": 0.9, "resize": "crop", "range": "correct"}


def test_every_weight_is_there_bit_for_bit(tmp_path):
    for image in (IMAGE, dataclasses.replace(IMAGE, patch=4, encoder="patch", ch_mult=(1,))):
        model = make(image=image)
        huggingface.export(model, tmp_path / "hf")
        weights = load_file(tmp_path / "hf/model.safetensors")
        ours = jax.tree.leaves(model.params) + jax.tree.leaves(model.image_tokenizer.params)
        assert len(weights) == len(ours)

        def sorted_bits(tensors):
            return sorted(np.sort(np.asarray(t).ravel()).tobytes() for t in tensors)

        assert sorted_bits(weights.values()) == sorted_bits(ours)
        assert np.array_equal(
            weights["transformer.layers.1.attention.qkv.weight"],
            model.params["layer_1"]["attention"]["qkv"]["kernel"].T,
        )


def test_stacked_layers_give_the_same_folder(tmp_path):
    model = make()
    single, layers = huggingface.state_dict(model), [model.params.pop(f"layer_{i}") for i in range(2)]
    model.params["layers"] = jax.tree.map(lambda *leaves: np.stack(leaves), *layers)
    stacked = huggingface.state_dict(model)
    assert single.keys() == stacked.keys() and all(np.array_equal(single[k], stacked[k]) for k in single)


def test_the_image_tokenizer_keeps_the_originals_names():
    config = VQGANConfig(256, 3, 1, "vqgan", 128, (1, 1, 2, 2, 4), 2, (16,), 256, 256, 1024)
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), params_module.abstract_vqgan(config))
    ours = {name: list(value.shape) for name, value in huggingface.rename_params("", zeros).items()}
    file = pathlib.Path(__file__).parents[1] / "fixtures/state_dicts.json"
    original = max(json.loads(file.read_text()).values(), key=len)  # 343 tensors; the other is the decoder, 198
    assert ours == dict(original) and len(ours) == 343


def test_the_readme_does_what_it_says(both, tmp_path, monkeypatch):
    _, model = both()
    monkeypatch.chdir(tmp_path)
    Image.fromarray(pictures(1)[0]).save("face.jpg")
    text = (tmp_path / "hf/README.md").read_text()
    assert "AutoModel.from_pretrained" in text and "- age: a whole number from 1 to 30" in text
    *_, usage = re.findall(r"```python\n(.*?)```", text, re.S)
    names = {"model": model}
    exec(usage, names)
    assert names["faces"].shape == (3, 16, 16, 3) and names["codes"].shape == (1, 16)


def test_what_users_call_is_documented(modeling):
    for name in ("generate_images", "caption", "analyze", "forward", "images", "encode", "decode"):
        assert len(inspect.getdoc(getattr(modeling.Talk2Face, name)) or "") > 30


ALONE = """
import json, sys
for name in ("jax", "jaxlib", "flax", "t2f_jax", "tensorflow"):
    sys.modules[name] = None
import numpy as np, torch
from transformers import AutoModel
model = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
faces = model.generate_images("a man", {"glasses": "yes"}, seeds=[1, 2], temperature=0.0)
answers = model.analyze(faces, ["age"])
model.save_pretrained(sys.argv[2])
again = AutoModel.from_pretrained(sys.argv[2], trust_remote_code=True, dtype=torch.bfloat16)
assert again.dtype == torch.bfloat16 and again.generate_images("a man", seeds=[1]).shape == faces[:1].shape
assert len(again.analyze(faces, ["age"])) == 2
np.savez(sys.argv[3], faces=faces, codes=model.encode(faces), ages=[list(a["age"].values()) for a in answers],
         captions=model.caption(faces))
"""


def run_alone(folder, tmp_path, code=ALONE):
    """What transformers makes of a folder: offline, with no JAX to import."""
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home"), "PYTHONPATH": ""}
    command = [sys.executable, "-c", code, str(folder), str(tmp_path / "saved"), str(tmp_path / "out.npz")]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    return np.load(tmp_path / "out.npz")


def test_transformers_loads_a_copy_offline_without_jax(torch, tmp_path):
    pytest.importorskip("transformers", reason="transformers is not installed; pip install -e '.[torch]'")
    model = Model(make())
    huggingface.export(model.bundle, tmp_path / "hf")
    shutil.move(tmp_path / "hf", tmp_path / "moved folder")
    found = run_alone(tmp_path / "moved folder", tmp_path)
    faces = draw_greedily(model, ["a man"] * 2, {"glasses": "yes"}, [1, 2])
    assert np.abs(faces.astype(int) - found["faces"]).max() <= 1
    assert np.array_equal(model.encode(found["faces"]), found["codes"])
    assert model.caption(found["faces"]) == found["captions"].tolist()
    ages = np.stack([a["age"] for a in answers(model, found["faces"], ["age"])])
    assert np.abs(ages - found["ages"]).max() < 1e-5


IMAGES_ALONE = """
import sys
for name in ("jax", "jaxlib", "flax", "t2f_jax", "tensorflow"):
    sys.modules[name] = None
import numpy as np
from transformers import AutoModel
model = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)
codes = model.encode(model.images(images))
np.savez(sys.argv[3], images=images, codes=codes, again=model.decode(codes))
"""


def test_an_image_tokenizer_goes_alone(torch, modeling, tmp_path):
    pytest.importorskip("transformers", reason="transformers is not installed; pip install -e '.[torch]'")
    tokenizer = make().image_tokenizer
    huggingface.export(tokenizer, tmp_path / "hf")
    names = {p.name for p in (tmp_path / "hf").iterdir()}
    assert names == {"config.json", "model.safetensors", "modeling_talk2face.py"}
    found = run_alone(tmp_path / "hf", tmp_path, IMAGES_ALONE)
    codes = np.asarray(tokenizer.encode(found["images"]))
    assert np.array_equal(codes, found["codes"])
    assert np.abs(np.asarray(tokenizer.decode(codes)).astype(int) - found["again"]).max() <= 1
    plain = modeling.load(tmp_path / "hf")
    assert np.array_equal(plain.encode(found["images"]).numpy(), codes)
