"""Batches of several processes: in order, each the same as one process makes; nobody outlives the other."""

import itertools
import os
import subprocess
import sys
import time

import psutil
import pytest
from makers import Maker

from t2f_jax.data.processes import through_processes
from t2f_jax.errors import UserError


def test_batches_come_in_order_from_all_processes():
    batches = list(through_processes(Maker(), 3, 15, 2))
    assert [int(b["step"]) for b in batches] == list(range(3, 15))
    assert batches[0]["process"] == os.getpid()  # the first is made here
    assert 1 <= len({int(b["process"]) for b in batches[1:]} - {os.getpid()}) <= 2
    assert list(through_processes(Maker(), 3, 3, 2)) == []


def test_a_mistake_shows_at_once_or_in_its_turn():
    with pytest.raises(UserError, match="face 3 is broken"):
        through_processes(Maker(fails_at=3), 3, 15, 1)
    batches = through_processes(Maker(fails_at=5), 3, 15, 1)
    assert [int(b["step"]) for b in itertools.islice(batches, 2)] == [3, 4]
    with pytest.raises(UserError, match="face 5 is broken"):
        next(batches)


def test_a_killed_process_is_told():
    batches = through_processes(Maker(dies_at=4), 3, 15, 1)
    next(batches)
    with pytest.raises(UserError, match="one of 1 processes that write batches was killed"):
        next(batches)


def test_no_process_outlives_its_parent(tmp_path):
    code = (
        "import sys, time\nfrom makers import Maker\nfrom t2f_jax.data.processes import through_processes\n"
        "if __name__ == '__main__':\n"
        "    batches = through_processes(Maker(waits_at=2), 0, 9, 1)\n"
        "    next(batches); print(int(next(batches)['process']), flush=True); time.sleep(1000)\n"
    )
    (tmp_path / "run.py").write_text(code)
    run = subprocess.Popen(
        [sys.executable, tmp_path / "run.py"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert run.stdout
    worker = psutil.Process(int(run.stdout.readline()))
    run.kill()
    run.wait()
    end = time.monotonic() + 60
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE and time.monotonic() < end:
        time.sleep(0.1)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
