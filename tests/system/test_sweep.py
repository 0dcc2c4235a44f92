"""A whole sweep by its command: killed, run again, reported."""

import json
import os
import subprocess
import time

import psutil
import pytest

from t2f_jax import environment

pytestmark = pytest.mark.slow

FILE = """
from t2f_jax import config


def get_config(arg=""):
    c = config.shipped("quickstart", "tiny")
    c.data.sources.drawn.count = 200
    c.image.train.steps = c.image.train.eval_every = c.image.train.save_every = 20
    d = c.decoder
    d.train.steps = 24
    d.train.eval_every = d.train.save_every = 8
    d.train.eval_batches = 2
    c.eval.faces = c.eval.generated = 16
    c.eval.samples, c.eval.curve_faces = 2, 0
    c.eval.judge_steps = 20
    return c


def sweep(arg=""):
    changes = {"causal": {"decoder.model.mask": "causal"}, "bad": {"decoder.init_from": "/no/model"}}
    arms = [config.Arm(name, values) for name, values in changes.items()]
    return config.Sweep(arms, ("held_out/loss", "attributes/accuracy", "requests/attributes_seen"), (0,))
"""
ENV = {**os.environ, "JAX_PLATFORMS": "cpu"}


@pytest.mark.timeout(3600)
def test_a_sweep_that_is_killed_goes_on_and_is_reported(tmp_path):
    (tmp_path / "mine.py").write_text(FILE)
    out = tmp_path / "out"
    command = [*environment.command(), "sweep", str(tmp_path / "mine.py"), "--out", str(out)]
    first = subprocess.Popen(command, env=ENV)
    while not list(out.glob("runs/*/checkpoints/8/commit_success.txt")):
        assert first.poll() is None
        time.sleep(0.2)
    for process in [psutil.Process(first.pid), *psutil.Process(first.pid).children(recursive=True)]:
        process.kill()
    first.wait()
    assert not list(out.glob("runs/*/figures.json"))

    done = subprocess.run(command, env=ENV, capture_output=True, text=True)
    assert done.returncode == 2 and "1 of 3 runs failed, the first bad-0 (/no/model" in done.stderr, done.stderr
    assert "decoder: resuming after step" in done.stderr or "decoder: already finished" in done.stderr
    results = [json.loads(path.read_text()) for path in sorted(out.glob("runs/*/figures.json"))]
    assert sorted(result["run"] for result in results) == ["baseline-0", "causal-0"]
    for result in results:
        names = {figure["name"] for figure in result["figures"]}
        assert {"held_out/loss", "attributes/accuracy", "attributes/age/mae", "requests/attributes_seen"} <= names
        assert result["curve"]["step"] == [8, 16, 24] and result["costs"]["model_flops"] > 0
    assert len(list(out.glob("shared/tokenizer-*"))) == 1
    page = (out / "mine.html").read_text()
    assert "causal" in page and page.count("<img") == 2 and "/no/model" in page

    before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/figures.json")}
    again = subprocess.run([*command, "--arms", "causal"], env=ENV, capture_output=True, text=True)
    assert again.returncode == 0 and "sweep: run" not in again.stderr, again.stderr
    assert {path: path.stat().st_mtime_ns for path in out.glob("runs/*/figures.json")} == before
