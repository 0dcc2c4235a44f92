"""Where an evaluation finds the pixels and the judge of a model's run."""

import json

import numpy as np

from t2f_jax.config.schema import DataConfig
from t2f_jax.data import pixels
from t2f_jax.data.datasets.synthetic.source import Synthetic
from t2f_jax.evaluation import kept


def make(*folders):
    for folder in folders:
        folder.mkdir(parents=True)
    return folders


def test_a_run_has_its_own_folder_and_those_of_earlier_evaluations(tmp_path):
    own, evaluation, _ = make(*(tmp_path / "run" / name for name in ("images", "evaluation/images", "model")))
    assert kept.folders(tmp_path / "run" / "model") == (own,), "without its record it need not be a run"
    (tmp_path / "run" / kept.EXPERIMENT).write_text('{"config": {}}')
    assert kept.folders(tmp_path / "run" / "model") == (own, evaluation)
    assert kept.folders(tmp_path / "imported") == ()


def test_a_run_of_a_sweep_has_the_sweeps(tmp_path):
    images, _ = make(tmp_path / "s" / "images", tmp_path / "s" / "runs" / "0a1b" / "model")
    assert kept.folders(tmp_path / "s" / "runs" / "0a1b" / "model") == (images,)


def test_a_run_by_hand_has_those_of_its_tokenizer_and_store(tmp_path):
    tokenizer, store, run = make(tmp_path / "tok/images", tmp_path / "store/images", tmp_path / "prefix")
    record = {"tokenizer": str(tmp_path / "tok" / "tokenizer"), "store": str(tmp_path / "store")}
    (run / kept.EXPERIMENT).write_text(json.dumps(record))
    assert kept.folders(run / "model") == (tokenizer, store)
    (run / kept.EXPERIMENT).write_text("[]")
    assert kept.folders(run / "model") == ()


def test_pixels_that_lie_there_are_not_read_again(tmp_path):
    synthetic = Synthetic("drawn", 60, 0)
    first = pixels.read_images(synthetic, "test", DataConfig(image_size=16), tmp_path / "run")
    again = pixels.read_images(synthetic, "test", DataConfig(image_size=16), tmp_path / "new", [tmp_path / "run"])
    assert np.array_equal(first.images, again.images) and not (tmp_path / "new").exists()
    other = pixels.read_images(synthetic, "test", DataConfig(image_size=8), tmp_path / "new", [tmp_path / "run"])
    assert other.images.shape[1] == 8 and list((tmp_path / "new").glob("*-8-*"))
