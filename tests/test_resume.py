"""Killed anywhere and started again, both trainers give the losses of an uninterrupted run, bit for bit."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

# Small, but with everything that a step can hold: dropout, averages, codebook revival, all tasks, augmented views.
TOKENIZER = [
    "data.sources.drawn.count=60",
    "data.flip=True",
    "data.jitter=0.05",
    "image.model.ch=8",
    "image.model.z_channels=8",
    "image.model.n_embed=64",
    "image.model.dropout=0.1",
    "image.loss.revive_after=3",
    "image.train.steps=24",
    "image.train.batch_size=4",
    "image.train.eval_every=10",
    "image.train.save_every=5",
    "image.train.eval_batches=2",
]
DECODER = [
    *TOKENIZER,
    "data.views=2",
    "decoder.model.width=16",
    "decoder.model.heads=2",
    "decoder.model.mlp=32",
    "decoder.model.dropout=0.1",
    "decoder.train.steps=24",
    "decoder.train.batch_size=4",
    "decoder.train.eval_every=10",
    "decoder.train.save_every=5",
    "decoder.train.eval_batches=2",
]


def start(words, out):
    command = [sys.executable, "-m", "t2f_jax.cli", *words, "--out", str(out)]
    return subprocess.Popen(command, env={**os.environ, "JAX_PLATFORMS": "cpu"}, stderr=subprocess.PIPE, text=True)


def finish(words, out):
    process = start(words, out)
    _, told = process.communicate(timeout=500)
    assert process.returncode == 0, told


def lines(out):
    path = pathlib.Path(out) / "metrics.jsonl"
    return path.read_text().splitlines() if path.is_file() else []


def kill_at(words, out, count):
    """Runs until the metrics hold `count` lines, then kills without warning. Returns how many there were."""
    process = start(words, out)
    end = time.monotonic() + 400
    while len(lines(out)) < count and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return len(lines(out))


def numbers(out):
    """Every step's and evaluation's numbers but the times and the saves' lines, in order."""
    records = [json.loads(line) for line in lines(out)]
    return [{k: v for k, v in r.items() if not k.endswith("seconds")} for r in records if "goodput" not in r]


def check(words, tmp_path, kills, seed):
    finish(words, tmp_path / "whole")
    rng, out = random.Random(seed), tmp_path / "killed"
    for _ in range(kills):
        before = len(lines(out))
        assert kill_at(words, out, before + rng.randint(1, 9)) < 32, "the run was over before it was killed"
    finish(words, out)
    assert numbers(out) == numbers(tmp_path / "whole")
    steps = [r["step"] for r in numbers(out) if "loss" in r]
    assert steps == list(range(1, 25))


def test_image_tokenizer_resumes_to_the_last_bit(tmp_path):
    check(["train-tokenizer", "quickstart:tiny", *TOKENIZER], tmp_path, kills=1, seed=0)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    finish(["train-tokenizer", "quickstart:tiny", *TOKENIZER, "image.train.steps=2"], folder / "tokenizer")
    tokenizer = folder / "tokenizer" / "tokenizer"
    finish(["prepare", "quickstart:tiny", *DECODER, "--tokenizer", str(tokenizer)], folder / "store")
    return ["--tokenizer", str(tokenizer), "--store", str(folder / "store")]


def test_decoder_resumes_to_the_last_bit(store, tmp_path):
    check(["train", "quickstart:tiny", *DECODER, *store], tmp_path, kills=1, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_many_kills(store, tmp_path, seed):
    check(["train", "quickstart:tiny", *DECODER, *store], tmp_path / "decoder", kills=2, seed=seed)
    check(["train-tokenizer", "quickstart:tiny", *TOKENIZER], tmp_path / "tokenizer", kills=2, seed=seed)


def test_a_model_starts_another_training(store, tmp_path):
    finish(["train", "quickstart:tiny", *DECODER, *store, "decoder.train.steps=12"], tmp_path / "first")
    model = tmp_path / "first" / "model"
    again = ["decoder.train.steps=2", "decoder.optim.warmup_steps=1", "decoder.optim.learning_rate=1e-6"]
    finish(["train", "quickstart:tiny", *DECODER, *again, f"decoder.init_from={model}"], tmp_path / "second")
    first, second = numbers(tmp_path / "first"), numbers(tmp_path / "second")
    # The first loss of the second run is that of trained weights, far below that of random ones.
    assert second[0]["loss"] < first[0]["loss"] - 0.2
    process = start(
        ["train", "quickstart:tiny", *DECODER, f"decoder.init_from={model}", "decoder.model.layers=3"],
        tmp_path / "third",
    )
    _, told = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "decoder.model.layers=3, there 2" in told.splitlines()[-1]
