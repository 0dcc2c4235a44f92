"""A Hugging Face folder is verified by what PyTorch computes of it, in a program of its own."""

import dataclasses

import jax
import pytest
from hugging import make

from t2f_jax import bundle, cli
from t2f_jax.convert import huggingface, verify_huggingface
from t2f_jax.errors import UserError


def test_an_export_computes_the_same_and_another_models_does_not(torch, tmp_path, capsys):
    model, folder = make(provenance={"config": {"eval": {"mirror": True}}}), tmp_path / "hf"
    huggingface.export(model, folder)
    bundle.save(tmp_path / "m", model)
    cli.main(["convert", "verify", str(tmp_path / "m"), str(folder)])
    told = capsys.readouterr().out
    assert told.count(" same ") == 5 and "DIFFERS" not in told and "stored differently" not in told
    other = dataclasses.replace(model, params=jax.tree.map(lambda x: x * 1.1, model.params))
    differences = {row.part: row.difference for row in verify_huggingface.compare(other, folder)}
    assert differences["answers"] > 1e-4 and differences["images at temperature 0"] > 0.1
    assert differences["image codes"] == differences["decoded images"] == 0
    (folder / huggingface.CODE).write_text("raise SystemExit('run')")
    cli.main(["convert", "verify", str(tmp_path / "m"), str(folder)])
    assert "stored differently: modeling_talk2face.py" in capsys.readouterr().out


def test_an_image_tokenizers_export_is_verified_alone(torch, tmp_path):
    model = make()
    huggingface.export(model.image_tokenizer, tmp_path / "hf")
    rows = verify_huggingface.compare(model.image_tokenizer, tmp_path / "hf")
    assert [(row.part, row.difference) for row in rows] == [("image codes", 0), ("decoded images", 0)]
    with pytest.raises(UserError, match=r"hf: PyTorch does not compute it .*generate_images"):
        verify_huggingface.compare(model, tmp_path / "hf")


def test_without_torch_it_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('no torch here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    model = make().image_tokenizer
    huggingface.export(model, tmp_path / "hf")
    with pytest.raises(UserError, match=r"no torch here.*pip install 't2f_jax\[torch\]'"):
        verify_huggingface.compare(model, tmp_path / "hf")
