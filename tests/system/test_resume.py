"""Killed anywhere and started again, both trainers give the losses of an uninterrupted run, bit for bit."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import psutil
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


def start(words, out, devices=None, processes=1):
    program, flags = [sys.executable, "-m", "t2f_jax.cli"], {"JAX_PLATFORMS": "cpu"}
    if devices:
        flags["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    if processes > 1:
        program += ["supervise", "--processes", str(processes), "--", "t2f"]
    command = [*program, *words, "--out", str(out)]
    return subprocess.Popen(command, env={**os.environ, **flags}, stderr=subprocess.PIPE, text=True)


def finish(words, out, **machine):
    process = start(words, out, **machine)
    _, told = process.communicate(timeout=500)
    assert process.returncode == 0, told


def lines(out):
    path = pathlib.Path(out) / "metrics.jsonl"
    return path.read_text().splitlines() if path.is_file() else []


def kill_at(words, out, count, **machine):
    """Runs until the metrics hold `count` lines, then kills without warning. Returns how many there were."""
    process = start(words, out, **machine)
    end = time.monotonic() + 400
    while len(lines(out)) < count and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return len(lines(out))


def numbers(out):
    """Every step's and evaluation's numbers but the times and the saves' lines, in order."""
    records = [json.loads(line) for line in lines(out)]
    return [
        {k: v for k, v in r.items() if not k.endswith(("seconds", "_per_second", "mfu"))}
        for r in records
        if "goodput" not in r
    ]


def check(words, tmp_path, kills, seed):
    finish(words, tmp_path / "whole")
    rng, out = random.Random(seed), tmp_path / "killed"
    for _ in range(kills):
        killed = kill_at(words, out, len(lines(out)) + rng.randint(1, 9))
        print(f"{words[0]}: SIGKILL at line {killed}")
        assert killed < 32, "the run was over before it was killed"
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


@pytest.mark.slow
def test_packed_training_goes_on_on_other_devices_and_processes(store, tmp_path):
    """From eight devices to four, to one and to two processes; and two processes of four: what eight alone give."""
    packed = ["decoder.pack=4", "decoder.train.batch_size=8", "decoder.train.save_every=3", "decoder.vocab_multiple=8"]
    words = ["train", "quickstart:tiny", *DECODER, *store, *packed]
    mesh = "decoder.train.mesh="
    finish([*words, mesh + "data=2,fsdp=4"], tmp_path / "eight", devices=8)
    finish([*words, mesh + "data=2,fsdp=4"], tmp_path / "two", devices=4, processes=2)
    out = tmp_path / "parts"
    assert 7 <= kill_at([*words, mesh + "data=2,fsdp=4"], out, 7, devices=8) < 32
    assert 14 <= kill_at([*words, mesh + "fsdp=2,tensor=2"], out, 14, devices=4) < 32
    assert 20 <= kill_at(words, out, 20, devices=1) < 32
    finish([*words, mesh + "data=2,tensor=2"], out, devices=2, processes=2)
    for other in ("two", "parts"):
        for got, want in zip(numbers(tmp_path / other), numbers(tmp_path / "eight"), strict=True):
            assert got["step"] == want["step"] and got.get("padding_fraction") == want.get("padding_fraction")
            assert got.get("eval", got)["loss"] == pytest.approx(want.get("eval", want)["loss"], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("trainer", ["train", "train-tokenizer"])
def test_the_local_launcher_loses_a_process_and_finishes(store, tmp_path, trainer):
    """The numbers of a two-process run that was left alone, and of one process within 1e-5."""
    words = [trainer, "quickstart:tiny", *(DECODER if trainer == "train" else TOKENIZER)]
    words += store if trainer == "train" else []
    flags = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=1"}
    launcher = pathlib.Path(__file__).parents[2] / "launch" / "local"
    path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"

    def launch(out):
        command = [launcher, "--processes", "2", "--restarts", "20", "--", "t2f", *words, "--out", out]
        return subprocess.Popen(command, env={**os.environ, **flags, "PATH": path, "T2F_HEARTBEAT_SECONDS": "10"})

    assert launch(tmp_path / "whole").wait(500) == 0
    out = tmp_path / "struck"
    process = launch(out)
    for victim, count in ((1, 8), (0, 20)):
        while len(lines(out)) < count and process.poll() is None:
            time.sleep(0.01)
        children = [p for p in psutil.Process(process.pid).children() if "t2f_jax.cli" in " ".join(p.cmdline())]
        next(p for p in children if p.environ()["T2F_PROCESS_ID"] == str(victim)).kill()
        print(f"{trainer}: SIGKILL of process {victim} at line {len(lines(out))}")
        time.sleep(1)
    assert process.wait(500) == 0
    told = (out / "launch.log").read_text()
    assert told.count("ended by SIGKILL") == 2
    assert numbers(out) == numbers(tmp_path / "whole")
    assert (out / ("model" if trainer == "train" else "tokenizer") / "config.json").is_file()
    finish(words, tmp_path / "one")
    for got, want in zip(numbers(out), numbers(tmp_path / "one"), strict=True):
        assert got["step"] == want["step"]
        assert got.get("eval", got)["loss"] == pytest.approx(want.get("eval", want)["loss"], rel=1e-5)
