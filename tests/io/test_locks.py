"""Who may write in a folder: one process at a time, with a name, and nothing left behind."""

import errno
import os
import signal
import subprocess
import sys
import time

import filelock
import pytest

from t2f_jax.errors import UserError
from t2f_jax.io import locks

HOLD = (
    "import sys, time, pathlib; from t2f_jax.io import locks\n"
    "with locks.held(pathlib.Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(100)"
)


def test_a_folder_where_a_run_is_at_work_is_refused(tmp_path, capsys):
    with locks.held(tmp_path):
        me = (tmp_path / locks.HOLDER).read_text().strip()
        assert me.startswith(f"process {os.getpid()} on ")
        told = r"another run is using it \(process .*\); end it first, or choose another folder"
        with pytest.raises(UserError, match=told), locks.held(tmp_path, patience=0.2):
            raise AssertionError
        assert f"another run is using it ({me}); waiting 0.2 s for it to end" in capsys.readouterr().err
    with locks.held(tmp_path):
        (tmp_path / "kept").touch()
    with locks.held(tmp_path / "new"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_process_holds_nothing(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(UserError, match=f"process {holder.pid} on "), locks.held(tmp_path / "run", patience=0):
        raise AssertionError
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locks.held(tmp_path / "run", patience=0):
        assert (tmp_path / "run" / locks.HOLDER).read_text().startswith(f"process {os.getpid()} ")
    assert not list((tmp_path / "run").iterdir())


def test_who_waits_gets_a_folder_that_its_holder_takes_away(tmp_path):
    program = HOLD.replace("time.sleep(100)", "time.sleep(1)")
    holder = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with locks.held(tmp_path / "run", patience=60):
        assert holder.wait(10) == 0 and (tmp_path / "run" / locks.HOLDER).is_file()


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP])
def test_a_disk_without_locks_keeps_nobody_out(tmp_path, code, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with locks.held(tmp_path, patience=0), locks.held(tmp_path, patience=0), locks.one_at_a_time(tmp_path / "a"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, "not yours")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with pytest.raises(PermissionError), locks.held(tmp_path):
        raise AssertionError


def test_one_at_a_time_waits(tmp_path):
    program = "import sys, time, pathlib; from t2f_jax.io import locks\n"
    program += "with locks.one_at_a_time(pathlib.Path(sys.argv[1])):\n    print('in', flush=True); time.sleep(1)"
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "c" / ".lock")], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "in\n"
    start = time.monotonic()
    with locks.one_at_a_time(tmp_path / "c" / ".lock"):
        assert time.monotonic() - start > 0.5
    assert other.wait(10) == 0
