"""`t2f sweep`: which runs it starts, what it prints, where its report lies."""

import pytest
import sweep_runs

from t2f_jax import cli
from t2f_jax.config.sweep import load_sweep
from t2f_jax.experiments.sweeps import results, runner

FILE = """
from t2f_jax import config

def get_config(arg=""):
    return config.shipped("quickstart", "tiny")

def sweep(arg=""):
    return config.Sweep([config.Arm("causal", {"decoder.model.mask": "causal"}, "why")], seeds=(0, 1))
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "mine.py").write_text(FILE)
    return str(tmp_path / "mine.py")


def finish(out, trials):
    for trial in trials:
        loss = 0.5 + 0.1 * (trial.arm.name == "causal") + trial.seed / 100
        runner.folder_of(out, trial).mkdir(parents=True, exist_ok=True)
        results.write(runner.folder_of(out, trial), trial, sweep_runs.result(loss, 0.9))


def test_runs_are_started_and_reported(file, bucket, capsys, monkeypatch, tmp_path):
    started = []

    def run_all(trials, out, command, hours):
        started.extend(command(trial)[-6:] for trial in trials)
        finish(out, trials[:3])
        return {"causal-1": "the loss is nan"}

    monkeypatch.setattr(runner, "run_all", run_all)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["sweep", file, "--out", "gs://b/s", "decoder.train.steps=7"])
    assert started[1] == [file, "--out", "gs://b/s", "decoder.train.steps=7", "--run", "causal-0"]
    told = capsys.readouterr()
    assert "causal: held-out loss ↓: not tested, +0.1000 nats" in told.out and "report: gs://b/s/mine.html" in told.out
    assert "  causal: held-out loss ↓: not tested\n" in told.out and "One seed shows nothing" in told.out
    assert "1 of 4 runs failed, the first causal-1 (the loss is nan)" in told.err
    assert {"/b/s/mine.html", "/b/s/mine.md", "/b/s/mine.csv"} <= set(bucket)


def test_lines_for_machines_elsewhere(file, capsys, tmp_path):
    finish(tmp_path / "s", load_sweep(file)[1][:2])
    cli.main(["sweep", file, "--out", str(tmp_path / "s"), "--launch", "launch/tpu --name {run} --"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == ["shared", "baseline-1", "causal-1"]
    assert lines[1].endswith(f"-- t2f sweep {file} --out {tmp_path / 's'} --run baseline-1")


def test_one_run_alone(file, tmp_path, monkeypatch, capsys):
    made = []
    monkeypatch.setattr(runner, "run", lambda trial, out: made.append((trial.name, out)))
    cli.main(["sweep", file, "--out", str(tmp_path / "s"), "--run", "causal-1"])
    assert made == [("causal-1", tmp_path / "s")]
    with pytest.raises(SystemExit, match="2"):
        cli.main(["sweep", file, "--out", str(tmp_path / "s"), "--run", "causal-2"])
    assert "no run 'causal-2'" in capsys.readouterr().err


def test_a_report_needs_a_result(file, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["sweep", file, "--out", str(tmp_path / "s"), "--report"])
    assert "no run of this sweep is finished there" in capsys.readouterr().err
