"""An imported model learns on, and any checkpoint of its run is exported as a finished model is."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest
from original_files import SMALL_DECODER, small_pair

from t2f_jax import bundle
from t2f_jax.cli import opening
from t2f_jax.config.schema import Config, DataConfig, DecoderRunConfig, OptimConfig, SourceConfig, TrainConfig
from t2f_jax.convert import export, original
from t2f_jax.errors import UserError
from t2f_jax.experiments import runs, stages

HELPERS = pathlib.Path(__file__).parents[1] / "helpers"
OPTIONS = original.Options(heads=2, image_size=32)
STEPS = 12
# Small enough to compile soon; the rows hold an image of 16 codes and the letters of a caption.
TRAIN = TrainConfig(steps=STEPS, batch_size=8, ema=0.5, eval_every=6, save_every=6, eval_batches=1, keep_last=3)
MODEL = dataclasses.replace(SMALL_DECODER, dropout=0.0, scan=False)


def config(init_from, sources, **decoder):
    image = dataclasses.replace(Config().image.model, resolution=32)
    run = DecoderRunConfig(
        model=MODEL, optim=OptimConfig(learning_rate=3e-3, warmup_steps=1), train=TRAIN, sequence_length=96,
        init_from=str(init_from), **decoder,
    )  # fmt: skip
    return Config(
        data=DataConfig(image_size=32, sources=sources),
        image=dataclasses.replace(Config().image, model=image),
        decoder=run,
    )


def losses(out):
    records = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [r["loss"] for r in records if "loss" in r]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Trained on two devices: what reads it has one."""
    folder = tmp_path_factory.mktemp("run")
    bundle.save(folder / "imported", original.read_pair(*small_pair(folder), OPTIONS))
    command = [sys.executable, "-c", f"import runpy; runpy.run_path({__file__!r})['train']({str(folder)!r})"]
    two = {"XLA_FLAGS": os.environ["XLA_FLAGS"] + " --xla_force_host_platform_device_count=2"}
    done = subprocess.run(command, cwd=HELPERS, env={**os.environ, **two}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert jax.device_count() == 1
    return folder


def train(folder):
    assert jax.device_count() == 2
    folder = pathlib.Path(folder)
    stages.train(config(folder / "imported", {"drawn": SourceConfig(count=60)}), folder / "out")


def test_an_imported_model_learns_from_the_first_steps_on(run):
    falling = losses(run / "out")
    assert np.mean(falling[3:6]) < falling[0] and np.mean(falling[-3:]) < np.mean(falling[:3])
    tuned = bundle.load(run / "out" / "model")
    assert tuned.preprocess.range == "paper_double", "codes are made as the weights know them"
    assert (tuned.vocab, tuned.image_tokenizer.range) == (bundle.load(run / "imported").vocab, "paper_double")


def test_any_checkpoint_is_exported_as_a_finished_model_is(run, tmp_path):
    newest, early = opening.open_model(run / "out"), opening.open_model(run / "out", STEPS // 2)
    assert isinstance(newest, bundle.Bundle) and isinstance(early, bundle.Bundle)
    finished = bundle.load(run / "out" / "model")
    assert newest.hash == finished.hash != early.hash
    assert (newest.schema, newest.preprocess, newest.run_config) == (
        finished.schema,
        finished.preprocess,
        finished.run_config,
    )
    assert (newest.provenance["steps"], early.provenance["steps"]) == (STEPS, STEPS // 2)
    export.to_original_pair(early, tmp_path / "pair")
    assert opening.open_model(tmp_path / "pair").hash == early.hash
    with pytest.raises(UserError, match=r"no checkpoint of step 7; there are those of 6, 12"):
        opening.open_model(run / "out", 7)
    with pytest.raises(UserError, match="there are no checkpoints here"):
        opening.open_model(run / "imported", 3)


def test_a_moved_run_and_one_without_its_record(run, tmp_path):
    (run / "out").rename(tmp_path / "moved")
    try:
        with pytest.raises(UserError, match=r"no such folder|no such store"):
            record = tmp_path / "moved" / runs.EXPERIMENT
            told = json.loads(record.read_text())
            record.write_text(json.dumps({**told, "tokenizer": str(tmp_path / "gone")}))
            opening.open_model(tmp_path / "moved")
        record.write_text(json.dumps(told))  # the tokenizer is outside of it, the store inside
        assert isinstance(opening.open_model(tmp_path / "moved"), bundle.Bundle)
        record.unlink()
        with pytest.raises(UserError, match=r"experiment\.json: .* `t2f train` command writes it"):
            opening.open_model(tmp_path / "moved")
        record.write_text(json.dumps(told))
    finally:
        (tmp_path / "moved").rename(run / "out")


@pytest.mark.slow
def test_an_imported_model_learns_on_real_faces(tmp_path, real_data):
    bundle.save(tmp_path / "imported", original.read_pair(*small_pair(tmp_path), OPTIONS))
    sources = {"utkface": SourceConfig(kind="utkface", folder=str(real_data / "UTKFace"))}
    stages.train(config(tmp_path / "imported", sources), tmp_path / "out")
    falling = losses(tmp_path / "out")
    assert np.mean(falling[3:6]) < falling[0]
