"""A model as the original's files: the same bytes again, torch reads them, and what cannot be held is refused."""

import dataclasses
import json

import numpy as np
import pytest
from original_files import (
    SMALL,
    SMALL_DECODER,
    SMALL_VQGAN,
    same_params,
    small_pair,
)

from t2f_jax import bundle
from t2f_jax.cli import opening
from t2f_jax.config.schema import VQGANConfig
from t2f_jax.convert import export, original
from t2f_jax.convert.names import decoder_names, vqgan_names
from t2f_jax.errors import UserError
from t2f_jax.models.image_tokenizer import ImageTokenizer


def test_a_model_folder_goes_back_to_the_same_files(pair, model, tmp_path):
    bundle.save(tmp_path / "model", model)
    again = opening.open_model(tmp_path / "model")
    assert isinstance(again, bundle.Bundle)
    same_params(again.params, model.params)
    export.to_original_pair(again, tmp_path / "out")
    for file in pair:
        assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes()
    told = json.loads((tmp_path / "out" / "vqgan.yaml").read_text())["model"]["params"]
    assert told["n_embed"] == 16 and told["ddconfig"]["attn_resolutions"] == [4]


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


def test_every_part_of_a_structure_is_compared_with_the_originals(model, tmp_path):
    changes = {"positions": "rotary", "image_position": 64, "norm": "rmsnorm", "mask": "causal", "tie": True}
    changes |= {"bias": False, "segments": False}
    structure = dataclasses.replace(model.run_config.model, **changes, dropout=0.3, remat="full", attention="xla")
    run = dataclasses.replace(model.run_config, model=structure)
    with pytest.raises(UserError) as caught:
        export.to_original_pair(dataclasses.replace(model, run_config=run), tmp_path / "out")
    assert str(caught.value) == (
        "talk2face: the original's format cannot hold decoder.model.positions=rotary (there: learned),"
        " decoder.model.image_position=64 (there: 0), decoder.model.norm=rmsnorm (there: talk2face),"
        " decoder.model.mask=causal (there: prefix), decoder.model.tie=True (there: False),"
        " decoder.model.bias=False (there: True), decoder.model.segments=False (there: True); --to hf can"
    )
