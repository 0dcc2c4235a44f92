"""Several processes as one job: what they compute, how they stop, and what happens when one is lost."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import toy
from toy_runs import finish, record

from t2f_jax.distributed import hosts, supervise
from t2f_jax.io import metrics


def job(out, *args, processes=2, devices=1, heartbeat=60, program=toy.__file__):
    """Runs the toy (or another) as one job of several processes; returns [(exit code, stdout, stderr)] by process."""
    port, running = supervise.free_port(), []
    for i in range(processes):
        place = {"T2F_COORDINATOR": f"127.0.0.1:{port}", "T2F_PROCESS_COUNT": str(processes), "T2F_PROCESS_ID": str(i)}
        flags = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}
        running.append(
            subprocess.Popen(
                [sys.executable, str(program), str(out), *args],
                env={**os.environ, **flags, **place, "T2F_HEARTBEAT_SECONDS": str(heartbeat)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    told = [process.communicate(timeout=500) for process in running]
    return [(process.returncode, *texts) for process, texts in zip(running, told)]


def same_losses(out, other, rtol=1e-5):
    for got, want in zip(record(out), record(other), strict=True):
        assert got["step"] == want["step"]
        np.testing.assert_allclose(got.get("eval", got)["loss"], want.get("eval", want)["loss"], rtol=rtol)


def test_a_request_to_stop_reaches_all_and_another_number_of_processes_goes_on(tmp_path):
    """Stopped on two processes, gone on with on one of one device: the losses of a run that never was interrupted."""
    ends = job(tmp_path / "two", "--by", "1", "--term", "9", "--wait", "0.1")
    assert [code for code, _, _ in ends] == [143, 143], ends
    stopped = metrics.train_rows(record(tmp_path / "two"))[-1]["step"]
    assert 9 <= stopped < 24 and f"stopped after step {stopped}, which is saved" in ends[0][2]
    _, err = finish(tmp_path / "two")
    assert f"resuming after step {stopped}" in err
    toy.run(tmp_path / "one")
    same_losses(tmp_path / "two", tmp_path / "one")


@pytest.mark.slow
@pytest.mark.parametrize("mesh", ["data=8", "data=2,fsdp=4", "fsdp=4,tensor=2", "tensor=8", "slice=2,fsdp=4"])
def test_two_processes_of_four_devices_equal_one_of_eight(tmp_path, mesh):
    ends = job(tmp_path / "two", f"mesh='{mesh}'", devices=4)
    assert [code for code, _, _ in ends] == [0, 0], ends
    finish(tmp_path / "one", f"mesh='{mesh}'", devices=8)
    same_losses(tmp_path / "two", tmp_path / "one")


@pytest.mark.slow
def test_what_eight_devices_saved_goes_on_on_four_on_one_and_on_two_processes(tmp_path):
    finish(tmp_path / "whole", devices=8)
    out = tmp_path / "parts"
    finish(out, "mesh='data=2,fsdp=4'", "--kill", "7", devices=8, code=-signal.SIGKILL)
    finish(out, "mesh='fsdp=4'", "--kill", "12", devices=4, code=-signal.SIGKILL)
    finish(out, "--kill", "17", devices=1, code=-signal.SIGKILL)
    ends = job(out, "mesh='data=2,tensor=2'", devices=2)
    assert [code for code, _, _ in ends] == [0, 0], ends
    same_losses(out, tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_process_ends_the_job_with_a_reason(tmp_path, lost):
    ends = job(tmp_path, "--by", str(lost), "--kill", "9", heartbeat=10)
    assert ends[lost][0] == -signal.SIGKILL
    code, _, err = ends[1 - lost]
    assert code not in (0, 2)
    assert "another task died" in err or "ends, as another one may have before" in err


@pytest.mark.slow
def test_a_hung_process_ends_the_job_with_a_reason(tmp_path):
    ends = job(tmp_path, "--by", "1", "--hang", "9", "hang_after=5")
    assert [code for code, _, _ in ends] == [hosts.RESTART] * 2
    for _, _, err in ends:
        assert "has not ended within 5 seconds (train.hang_after): a collective hangs" in err


PATIENT = """
import time
from t2f_jax.distributed import hosts
hosts.join()
hosts.alone(lambda: time.sleep(40), "slept")
assert hosts.in_turn(lambda: hosts.first(), "asked") == hosts.first()
assert hosts.all_agree(True) and not hosts.all_agree(hosts.first())
"""


@pytest.mark.slow
def test_what_the_first_process_does_alone_may_take_longer_than_a_collective_waits(tmp_path):
    """Half a minute on CPUs."""
    program = tmp_path / "patient.py"
    program.write_text(PATIENT)
    ends = job(tmp_path, program=program)
    assert [code for code, _, _ in ends] == [0, 0], ends


def strike(supervisor, out, kind, rng):
    """Kills one of the supervised processes in the given way; returns what was done, or None if the run had ended."""
    end = time.monotonic() + 120
    while time.monotonic() < end and supervisor.poll() is None:
        try:
            running = psutil.Process(supervisor.pid).children()
        except psutil.NoSuchProcess:
            return None
        saving = any((out / "checkpoints").glob("*tmp*"))
        if running and (kind != "during a save" or saving):
            victim = rng.choice(running)
            try:
                victim.send_signal(signal.SIGTERM if kind == "SIGTERM" else signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
            return kind, len(metrics.read(out / "metrics.jsonl")) if out.exists() else 0
        time.sleep(0.001)
    return None


def new_lines(supervisor, out, count):
    """Returns when so many more lines of numbers have come, or the run has ended."""
    last = None
    while count > 0 and supervisor.poll() is None:
        now = len(metrics.read(out / "metrics.jsonl"))
        count -= max(now - (now if last is None else last), 0)  # a start cuts what it does again
        last = now
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_ten_kills_at_random_moments_change_no_bit(tmp_path, processes):
    """SIGKILL, SIGTERM, during a save, of the only process or of one of two: the supervisor brings each run back."""
    rng, kinds = random.Random(processes), ["SIGKILL", "SIGTERM", "during a save"]
    args = ["steps=60", "save_every=3", "eval_every=20", "keep_last=3", "mesh='data=2'"]
    devices = 2 // processes
    flags = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}

    def supervised(out, *more):
        command = [
            sys.executable,
            "-m",
            "t2f_jax.cli",
            "supervise",
            "--processes",
            str(processes),
            "--restarts",
            "30",
            "--",
        ]
        command += [sys.executable, toy.__file__, str(out), *args, *more]
        file = (tmp_path / f"{out.name}.log").open("w")
        environment = {**os.environ, **flags, "T2F_HEARTBEAT_SECONDS": "10"}
        return subprocess.Popen(command, env=environment, stdout=file, stderr=file)

    assert supervised(tmp_path / "whole").wait(300) == 0
    out, kills = tmp_path / "struck", []
    process = supervised(out, "--wait", "0.3")
    while len(kills) < 10 and process.poll() is None:
        # Anywhere in a start: while it imports, joins, restores or compiles (no new line), steps, evaluates or saves.
        new_lines(process, out, rng.randint(0, 5))
        time.sleep(rng.uniform(0, 0.3))
        done = strike(process, out, kinds[len(kills) % 3], rng)
        if done:
            kills.append(done)
            time.sleep(1.5)  # the other one ends, the supervisor notices
    assert process.wait(600) == 0, (tmp_path / "struck.log").read_text()[-3000:]
    print(kills)
    assert len(kills) == 10, kills
    assert record(out) == record(tmp_path / "whole")
    digest = [(tmp_path / f"{name}.log").read_text().split()[-1] for name in ("whole", "struck")]
    assert digest[0] == digest[1]
    assert all(p.name.isdecimal() for p in (out / "checkpoints").iterdir())
