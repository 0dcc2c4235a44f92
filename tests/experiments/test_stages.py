import dataclasses
import json

import jax
import numpy as np
import pytest
from small_model import IMAGE

from t2f_jax import bundle
from t2f_jax.config.schema import Config, DataConfig, SourceConfig, TokenizerLossConfig, TrainConfig
from t2f_jax.data.store import Store
from t2f_jax.errors import UserError
from t2f_jax.experiments import runs, stages
from t2f_jax.io.run_folder import RunFolder
from t2f_jax.models.vqgan import VQGAN

CONFIG = Config(
    data=DataConfig(image_size=16, sources={"drawn": SourceConfig(count=20)}),
    image=dataclasses.replace(Config().image, model=IMAGE),
)


@pytest.fixture
def tokenizer(tmp_path):
    params = VQGAN(IMAGE).init(jax.random.key(0), np.zeros((1, 16, 16, 3), np.float32))["params"]
    bundle.save_image_tokenizer(tmp_path / "tokenizer", IMAGE, params, {})
    return tmp_path / "tokenizer"


def test_a_tokenizer_for_other_images_is_refused(tmp_path, tokenizer):
    model = dataclasses.replace(CONFIG.image.model, resolution=32)
    image = dataclasses.replace(CONFIG.image, model=model)
    other = dataclasses.replace(CONFIG, image=image, data=dataclasses.replace(CONFIG.data, image_size=32))
    with pytest.raises(UserError, match=r"for 16 pixels, but data\.image_size=32"):
        stages.prepare_store(other, tokenizer, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_what_was_given_is_not_made(tmp_path, tokenizer, monkeypatch):
    """`train` makes the image tokenizer and the store that it was not given, each in its place."""
    made = []
    monkeypatch.setattr(stages, "train_tokenizer", lambda _, out, cache: made.append((out, cache)) or tokenizer)
    monkeypatch.setattr(stages, "prepare_store", lambda _, t, out, cache: made.append((t, out, cache)) or out)

    def stop(*folders):
        raise InterruptedError(*folders)

    monkeypatch.setattr(stages, "open_parts", stop)
    out, images = tmp_path / "run", tmp_path / "run" / "images"
    with pytest.raises(InterruptedError) as stopped:
        stages.train(CONFIG, out)
    assert made == [(out / "tokenizer", images), (tokenizer, out / "store", images)]
    assert stopped.value.args == (tokenizer, out / "store")
    made.clear()
    with pytest.raises(InterruptedError) as stopped:
        stages.train(CONFIG, out, tokenizer, tmp_path / "elsewhere")
    assert made == [] and stopped.value.args == (tokenizer, tmp_path / "elsewhere")


def test_a_finished_tokenizer_of_the_same_config_is_taken_and_of_another_refused(tmp_path, tokenizer, monkeypatch):
    (tmp_path / "run" / "tokenizer").mkdir(parents=True)
    finished = tokenizer.rename(tmp_path / "run" / "tokenizer" / "tokenizer")
    checked = []
    monkeypatch.setattr(stages.checkpoint, "check_config", lambda *record: checked.append(record))
    monkeypatch.setattr(stages, "prepare_store", lambda _, t, *folders: (_ for _ in ()).throw(InterruptedError(t)))
    with pytest.raises(InterruptedError) as stopped:
        stages.train(CONFIG, tmp_path / "run")
    assert stopped.value.args == (finished,)
    ((folder, identity),) = checked
    assert folder == tmp_path / "run" / "tokenizer" and set(identity) == {"image", "data"}
    assert "views" not in identity["data"] and "folder" not in identity["data"]["sources"]["drawn"]


def test_a_tokenizer_trained_beside_labels_is_found_again(tmp_path):
    train = TrainConfig(steps=2, batch_size=4, eval_batches=1, eval_every=2, save_every=2)
    loss = TokenizerLossConfig(labels=0.1, labels_ch=8)
    image = dataclasses.replace(CONFIG.image, loss=loss, train=train)
    folder = stages.train_tokenizer(dataclasses.replace(CONFIG, image=image), tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert "age" in [attribute["name"] for attribute in record[runs.LABELS]]
    at_step, finished = runs.tokenizer_at(tmp_path / "run"), bundle.load_image_tokenizer(folder)
    jax.tree.map(np.testing.assert_array_equal, at_step.params, finished.params)


def test_a_damaged_tokenizer_is_written_again_if_its_run_has_checkpoints(tmp_path, tokenizer, monkeypatch, capsys):
    run = tmp_path / "run" / "tokenizer"
    run.mkdir(parents=True)
    finished = tokenizer.rename(run / "tokenizer")
    monkeypatch.setattr(stages.checkpoint, "check_config", lambda *_: None)
    monkeypatch.setattr(stages, "train_tokenizer", lambda *folders: (_ for _ in ()).throw(InterruptedError(folders)))
    weights = finished / bundle.IMAGE_TOKENIZER
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a whole safetensors file"):
        stages.train(CONFIG, tmp_path / "run")
    (run / "checkpoints" / "5").mkdir(parents=True)
    for name in (bundle.IMAGE_TOKENIZER, "config.json"):
        (finished / name).write_bytes(b"\0" * 50)
        with pytest.raises(InterruptedError):
            stages.train(CONFIG, tmp_path / "run")
        assert f"{finished / name}" in (said := capsys.readouterr().err) and "written again" in said


@pytest.mark.parametrize(
    ("part", "changes", "told"),
    [
        ("train", {"mesh": "foo=2"}, "mesh 'foo=2': 'foo=2' is not AXIS=SIZE"),
        ("model", {"attention": "cudnn"}, "attention=cudnn needs a GPU"),
        ("", {"sequence_length": 16, "text_length": 8}, "sequence_length=16 is too short for the 16 codes of an image"),
    ],
)
def test_what_the_decoder_cannot_be_is_told_before_the_tokenizer_is_trained(part, changes, told, tmp_path):
    decoder = CONFIG.decoder
    inner = {part: dataclasses.replace(getattr(decoder, part), **changes)} if part else changes
    config = dataclasses.replace(CONFIG, decoder=dataclasses.replace(decoder, **inner))
    with pytest.raises(UserError, match=told):
        stages.train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_missing_perceptual_weights_are_told_before_pixels_are_read(tmp_path):
    loss = TokenizerLossConfig(perceptual=1.0, perceptual_weights=str(tmp_path / "nowhere.safetensors"))
    config = dataclasses.replace(CONFIG, image=dataclasses.replace(CONFIG.image, loss=loss))
    with pytest.raises(UserError, match=r"nowhere\.safetensors"):
        stages.train_tokenizer(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_store_in_a_bucket_leaves_no_shard_behind(bucket, tokenizer):
    folder = RunFolder.at("gs://b/store")
    out = stages.prepare_store(CONFIG, tokenizer, folder.path)
    names = {name.removeprefix("/b/store/") for name in bucket}
    assert {"meta.json", "text_tokenizer.model", "drawn/train/codes.npy"} <= names
    assert not any(".shards" in name or "images" in name for name in names)
    assert Store(out).summary() == {"drawn": {"train": 16, "validation": 2, "test": 2}}
