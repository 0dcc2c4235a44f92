"""Requests to stop, the watchdog, and the reports to a supervisor."""

import signal
import subprocess
import sys
import time

import pytest

from t2f_jax.distributed import faults, hosts


@pytest.fixture
def interrupt():
    """Sets what SIGINT does, as a terminal or a shell's background does for the processes that it starts."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda handler: signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGINT, before)


def test_the_first_interrupt_asks_to_stop_and_the_second_stops(interrupt):
    interrupt(signal.default_int_handler)
    with faults.Termination() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.after(1) and stop.code == 130
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_an_interrupt_that_is_ignored_in_the_background_stays_so(interrupt):
    interrupt(signal.SIG_IGN)
    with faults.Termination() as stop:
        signal.raise_signal(signal.SIGINT)
        assert not stop.after(1)
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_the_watchdog_bites_only_when_nothing_happens(capfd):
    ended = []
    with faults.Watchdog("toy", 0.4, ended.append) as dog:
        for step in range(8):
            time.sleep(0.1)
            dog.beat(f"step {step}")
        assert not ended
        time.sleep(1.5)
    assert ended == [hosts.RESTART]
    told = capfd.readouterr().err
    assert "toy: step 7 has not ended within 0.4 seconds" in told and "test_faults.py" in told


def test_the_watchdog_does_not_count_the_time_in_which_its_process_is_stopped():
    code = (
        "import sys, time; from t2f_jax.distributed import faults\n"
        "with faults.Watchdog('toy', 3.0):\n    print('begun', flush=True); [time.sleep(0.05) for _ in range(40)]\n"
        "print('done', flush=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGSTOP)
    time.sleep(4)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=60)[0] == "done\n" and process.returncode == 0


def test_every_process_tells_its_own_hosts_supervisor(tmp_path, monkeypatch):
    monkeypatch.setenv("T2F_PROGRESS", str(tmp_path / "progress"))
    monkeypatch.setattr(hosts, "first", lambda: False)
    faults.report_progress("decoder", 20)
    assert (tmp_path / "progress").read_text() == "decoder 20\n"
