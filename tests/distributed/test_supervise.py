import os
import signal
import subprocess
import sys
import time

import pytest

# A program that notes each of its starts, reports what the test wants, and ends as the test wants.
PROGRAM = """
import os, pathlib, signal, sys, time
log, acts = pathlib.Path(sys.argv[1]), sys.argv[2:]
me = os.environ.get("T2F_PROCESS_ID", "")
with log.open("a") as file:
    file.write(me + ":" + os.environ.get("T2F_PROCESS_COUNT", "") + "\\n")
starts = sum(line.split(":")[0] == me for line in log.read_text().splitlines())
code, _, progress = acts[min(starts, len(acts)) - 1].partition("@")
if progress and me in ("", "0"):
    pathlib.Path(os.environ["T2F_PROGRESS"]).write_text(progress)
if code == "kill" and me in ("", "1"):
    os.kill(os.getpid(), signal.SIGKILL)
if code in ("kill", "wait"):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    time.sleep(60)
sys.exit(int(code))
"""


def start(tmp_path, *words, acts):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "t2f_jax.cli", "supervise", *words, "--", sys.executable, str(program)]
    return subprocess.Popen([*command, str(tmp_path / "log"), *acts], stderr=subprocess.PIPE, text=True)


def starts(tmp_path):
    return (tmp_path / "log").read_text().splitlines() if (tmp_path / "log").exists() else []


@pytest.mark.parametrize(("code", "times"), [("0", 1), ("2", 1), ("141", 1)])
def test_what_is_done_or_the_users_mistake_is_not_started_again(tmp_path, code, times):
    process = start(tmp_path, acts=[code])
    assert process.wait(30) == int(code) and len(starts(tmp_path)) == times


def test_what_is_killed_is_started_again(tmp_path):
    process = start(tmp_path, acts=["kill@decoder 10", "75@decoder 20", "0"])
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0 and len(starts(tmp_path)) == 3
    assert "ended by SIGKILL after the checkpoint of decoder 10; start 2" in told
    assert "ended with exit code 75 after the checkpoint of decoder 20; start 3" in told


def test_without_progress_it_gives_up(tmp_path):
    process = start(tmp_path, "--restarts", "1", acts=["1@decoder 10", "1", "1"])
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1 and len(starts(tmp_path)) == 3
    assert "2 times in a row without progress: giving up" in told.splitlines()[-1]


def test_one_process_lost_ends_the_others_and_all_start_again(tmp_path):
    began = time.monotonic()
    process = start(tmp_path, "--processes", "2", acts=["kill@decoder 10", "0"])
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0 and "ended by SIGKILL" in told
    assert sorted(starts(tmp_path)) == ["0:2", "0:2", "1:2", "1:2"]
    assert time.monotonic() - began < 30


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130), ("SIGHUP", 129)])
def test_a_signal_is_passed_on_and_nothing_starts_again(name, code, tmp_path):
    process = start(tmp_path, acts=["wait"])
    while not starts(tmp_path):
        time.sleep(0.05)
    time.sleep(0.5)  # for the program's own handler
    process.send_signal(getattr(signal, name))
    assert process.wait(30) == code and len(starts(tmp_path)) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("times", "options", "out", "err"), [(1, (), "saved\n", ""), (2, ("--grace", "1"), "", "t2f: interrupted\n")]
)
def test_ctrl_c_leaves_time_to_save_and_a_second_one_does_not(times, options, out, err):
    program = """
import signal, sys, time
def save(*_):
    time.sleep(2)
    print("saved", flush=True)
    sys.exit(130)
signal.signal(signal.SIGTERM, save)
print("begun", flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-m", "t2f_jax.cli", "supervise", *options, "--", sys.executable, "-c", program]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "begun\n"
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    assert process.communicate(timeout=30) == (out, err) and process.returncode == 130


def test_a_command_that_is_not_there_is_named(tmp_path):
    command = [sys.executable, "-m", "t2f_jax.cli", "supervise", "--", str(tmp_path / "nothing")]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 2 and "nothing: No such file" in done.stderr
