"""CLIP as users have it, beside transformers."""

import json

import clip_folders
import jax
import numpy as np
import pytest

from t2f_jax.errors import UserError
from t2f_jax.evaluation.metrics import clip_files
from t2f_jax.models import clip

transformers = pytest.importorskip("transformers", reason="transformers is not installed; pip install -e '.[torch]'")
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)  # of CLIP's own size: no resize


def features(opened, texts):
    """Both kinds of vectors of the same CLIP."""
    ids, _ = opened.tokenize(texts)
    images = clip.image_features(opened.clip, opened.params, IMAGES)
    return np.asarray(images), np.asarray(clip.text_features(opened.clip, opened.params, ids))


def wanted(torch, model, opened, ids):
    pixels = (IMAGES / 255 - np.array(opened.clip.mean)) / np.array(opened.clip.deviation)
    with torch.no_grad():
        images = model.vision_model(torch.as_tensor(pixels.transpose(0, 3, 1, 2), dtype=torch.float32)).pooler_output
        texts = model.text_model(torch.as_tensor(ids)).pooler_output
        return model.visual_projection(images).numpy(), model.text_projection(texts).numpy()


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
def test_vectors_are_those_of_transformers_from_its_folder_and_from_open_clips(torch, tmp_path, activation):
    model = clip_folders.make(tmp_path / "hf", activation)
    opened = clip_files.open_clip(tmp_path / "hf")
    assert opened.protocol["network"] == "clip 2x128/8 at 32" and opened.protocol["activation"] == activation
    texts = ["An old man  with a hat", "grey"]
    ids, cut = opened.tokenize(texts)
    assert not cut.any()
    truth, ours = wanted(torch, model, opened, ids), features(opened, texts)
    for ours_BxE, theirs_BxE in zip(ours, truth):
        assert theirs_BxE.std() > 0.1
        np.testing.assert_allclose(ours_BxE, theirs_BxE, atol=1e-4 * np.abs(theirs_BxE).max())

    folder = tmp_path / "open_clip"
    folder.mkdir()
    for name in ("vocab.json", "merges.txt"):
        (folder / name).write_bytes((tmp_path / "hf" / name).read_bytes())
    tensors = {k: torch.as_tensor(np.array(v)) for k, v in clip_folders.openai_state(model).items()}
    torch.save(tensors, folder / "open_clip_pytorch_model.bin")
    settings = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 128, "patch_size": 8},
        "text_cfg": {"context_length": 16, "vocab_size": opened.clip.vocab, "width": 32, "heads": 2, "layers": 2}
        | {"mlp_ratio": 1.5},
        **({"quick_gelu": True} if activation == "quick_gelu" else {}),
    }
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": settings}))
    for path in (folder, folder / "open_clip_pytorch_model.bin"):
        again = clip_files.open_clip(path)
        assert again.clip == opened.clip
        assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), again.params, opened.params))


def test_ids_are_those_of_transformers_tokenizer_and_long_texts_are_cut(tmp_path):
    clip_folders.make(tmp_path)
    opened = clip_files.open_clip(tmp_path)
    theirs = transformers.CLIPTokenizer.from_pretrained(tmp_path)
    texts = ["She's  45 years OLD, smiling!", "a man", "été — 𝒳"]
    ids, _ = opened.tokenize(texts)
    assert ids.tolist() == [
        [*row, *[0] * (16 - len(row))] for row in theirs(texts, truncation=True, max_length=16)["input_ids"]
    ]
    ids, cut = opened.tokenize(["a " * 14, "a " * 15])
    assert cut.tolist() == [False, True] and (ids[0] == ids[1]).all() and (ids[:, -1] == opened.clip.vocab - 1).all()
    theirs.save_pretrained(tmp_path)  # now as one tokenizer.json
    assert (tmp_path / "tokenizer.json").exists()
    again, _ = clip_files.open_clip(tmp_path).tokenize(texts)
    assert again.tolist() == opened.tokenize(texts)[0].tolist()


def test_what_is_no_clip_is_refused_with_what_would_be(tmp_path):
    with pytest.raises(UserError, match=r"no CLIP; a folder holds config\.json with model\.safetensors or"):
        clip_files.open_clip(tmp_path)
    clip_folders.make(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for changed, message in (
        (config | {"model_type": "siglip"}, 'neither "model_type": "clip"'),
        (config | {"vision_config": config["vision_config"] | {"hidden_act": "relu"}}, "hidden_act 'relu'"),
        (config | {"vision_config": config["vision_config"] | {"intermediate_size": 64}}, "c_fc.* has shape"),
        (config | {"vision_config": config["vision_config"] | {"num_hidden_layers": 3}}, "resblocks.2.* is missing"),
    ):
        (tmp_path / "config.json").write_text(json.dumps(changed))
        with pytest.raises(UserError, match=message):
            clip_files.open_clip(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "vocab.json").unlink()
    with pytest.raises(UserError, match=r"no tokenizer; tokenizer\.json, or vocab\.json and merges\.txt"):
        clip_files.open_clip(tmp_path).tokenize(["a"])
