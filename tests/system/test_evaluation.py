"""`t2f evaluate` as a job: shared by processes, gone on with after a kill, in memory that does not grow."""

import json
import os
import signal
import subprocess
import sys
import time

import own_data
import psutil
import pytest
import small_model

from t2f_jax import bundle
from t2f_jax.distributed import supervise
from t2f_jax.evaluation import rows

FEW = ["eval.faces=0", "eval.generated=40", "eval.judge_steps=3", "eval.batch_size=16", "eval.samples=2"]
DRAWN = ["--data", "synthetic", "data.sources.synthetic.count=600", "eval.curve_faces=2", "eval.best_of=2", *FEW]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model folder."""
    folder = tmp_path_factory.mktemp("models") / "model"
    bundle.save(folder, small_model.make_bundle(prompt_dropout=0.1))
    return folder


def start(model, out, *args, **place):
    command = [sys.executable, "-m", "t2f_jax.cli", "evaluate", "--model", str(model), "--out", str(out), *args]
    return subprocess.Popen(
        command, env={**os.environ, **place}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def end(process):
    """What a process printed, without the lines of JAX's library for processes on CPUs."""
    out, err = process.communicate(timeout=1500)
    assert process.returncode == 0, err
    return "".join(line for line in out.splitlines(keepends=True) if not line.startswith("[Gloo]"))


def found(out):
    """The card without what clock and memory say, and the bytes of all rows."""
    card = json.loads((out / "card.json").read_text())
    del card["identity"]["created"]
    kept = {path.name: path.read_bytes() for path in sorted((out / rows.FOLDER).iterdir())}
    return {k: v for k, v in card.items() if k not in ("seconds", "peak_memory_bytes")}, kept


@pytest.fixture(scope="module")
def alone(model, tmp_path_factory):
    """The evaluation of drawn faces by one process."""
    out = tmp_path_factory.mktemp("alone")
    assert "attribute_accuracy" in end(start(model, out, *DRAWN))
    return out


def test_two_processes_find_what_one_finds(model, alone, tmp_path):
    place = {
        "T2F_COORDINATOR": f"127.0.0.1:{supervise.free_port()}",
        "T2F_PROCESS_COUNT": "2",
        "T2F_HEARTBEAT_SECONDS": "300",
    }
    job = [start(model, tmp_path / "two", *DRAWN, **place, T2F_PROCESS_ID=str(i)) for i in range(2)]
    told = [end(process) for process in job]
    assert "report:" in told[0] and told[1] == ""
    assert found(tmp_path / "two") == found(alone)
    assert not (tmp_path / "two" / "work").exists()


def test_a_killed_evaluation_goes_on(model, alone, tmp_path):
    out = tmp_path / "killed"
    process = start(model, out, *DRAWN)
    while process.poll() is None and len(list((out / "work").glob("faces-*/*.npz"))) < 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = {path: path.stat().st_mtime_ns for path in (out / "work").rglob("*.npz")}
    assert done and not (out / "card.json").exists()
    process = start(model, out, *DRAWN)
    while process.poll() is None and not (out / rows.FOLDER).exists():
        assert all(not path.exists() or path.stat().st_mtime_ns == when for path, when in done.items())
        time.sleep(0.05)
    end(process)
    assert found(out) == found(alone)


def test_a_users_table_is_measured(model, tmp_path):
    table = own_data.write_csv(tmp_path / "faces", 12) / "faces.csv"
    end(start(model, tmp_path / "out", "--data", str(table), "--split", "all", *FEW))
    card, kept = found(tmp_path / "out")
    (name, *_) = card["sources"]
    assert len(kept[f"{name}-faces.jsonl"].splitlines()) == 12


def test_memory_does_not_grow_with_the_faces(model, tmp_path):
    """30,000 faces are read and as many drawn; T2F_EVALUATED sets another number."""
    n, out = int(os.environ.get("T2F_EVALUATED", "30000")), tmp_path / "many"
    args = ["--data", "synthetic", "--split", "all", f"data.sources.synthetic.count={n}", "eval.faces=0"]
    args += [f"eval.generated={n}", "eval.judge=never", "eval.samples=2", "eval.batch_size=256"]
    process = start(model, out, *args)
    memory = []  # (chunks done, bytes)
    running = psutil.Process(process.pid)
    while process.poll() is None:
        if chunks := len(list((out / "work").rglob("*.npz"))):
            memory.append((chunks, running.memory_info().rss))
        time.sleep(0.5)
    assert process.returncode == 0, process.communicate()[1]
    total = max(chunks for chunks, _ in memory)
    early = max(size for chunks, size in memory if chunks <= total / 4)
    print([(chunks, size >> 20) for chunks, size in memory[:: max(1, len(memory) // 20)]])
    assert max(size for _, size in memory) < early + (200 << 20)
