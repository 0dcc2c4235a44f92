"""Ctrl-C and the signals that are taken for it."""

import signal
import subprocess
import sys

import pytest

from t2f_jax.cli import interrupts

CHILD = """
import pathlib, signal, sys
from t2f_jax.cli import interrupts, options, parser
from t2f_jax.io.files import write_text, whole_folder
out = options.writable_folder("out")
interrupts.prepare()

def work():
    with whole_folder(out.path / "half") as partial:
        write_text(partial / "a", "half of it")
        signal.raise_signal(getattr(signal, sys.argv[1]))

parser.guarded(work, out)
"""
ENDS = [("SIGINT", "interrupted", 130), ("SIGTERM", "ended by SIGTERM", 143), ("SIGHUP", "ended by SIGHUP", 129)]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@POSIX
@pytest.mark.parametrize(("name", "end", "code"), ENDS)
def test_what_ends_a_command_leaves_nothing_half_and_one_line(name, end, code, tmp_path):
    done = subprocess.run([sys.executable, "-c", CHILD, name], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (code, f"t2f: {end}; nothing is in out\n")
    assert not any(path.is_file() for path in tmp_path.rglob("*")) and not list(tmp_path.glob("out/*"))


@POSIX
def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        interrupts.prepare()
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        interrupts.end_at_once()
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)


@POSIX
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_that_comes_during_garbage_collection_is_not_lost(name, code):
    child = f"""
import gc, signal, time
from t2f_jax.cli import interrupts, parser
interrupts.prepare()
signals = [signal.{name}]
gc.callbacks.append(lambda *_: signals and signal.raise_signal(signals.pop()))

def work():
    gc.collect()
    for _ in range(1000):
        time.sleep(0.01)
    print("it went on")

parser.guarded(work)
"""
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code, "") and done.stderr.count("\n") == 1


@POSIX
@pytest.mark.parametrize(("name", "end", "code"), ENDS)
def test_a_module_is_read_to_its_end_first(name, end, code, tmp_path):
    (tmp_path / "slow.py").write_text(f"""
import signal, time
try:
    signal.raise_signal(signal.{name})
    time.sleep(0.1)
except BaseException:
    raise ImportError("as compiled modules do")
""")
    child = """
import time
from t2f_jax.cli import interrupts, parser
interrupts.prepare()
def work():
    import slow
    print("read")
    time.sleep(60)
parser.guarded(work)
"""
    done = subprocess.run([sys.executable, "-c", child], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (code, "read\n", f"t2f: {end}\n")


@POSIX
def test_a_thread_that_waits_for_ever_does_not_hold_the_end_up():
    child = """
import signal, threading
from t2f_jax.cli import interrupts, parser
interrupts.prepare()
threading.Thread(target=threading.Event().wait).start()
parser.guarded(lambda: signal.raise_signal(signal.SIGTERM))
"""
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (143, "t2f: ended by SIGTERM\n")


@POSIX
@pytest.mark.parametrize(("name", "end", "code"), ENDS)
def test_a_signal_that_comes_while_the_program_starts_itself_again_waits(name, end, code):
    child = f"""
import os, signal, sys
from t2f_jax import environment
os.environ.pop("GLIBC_TUNABLES", None)
execv = os.execv
def start_again(program, _):
    signal.raise_signal(signal.{name})  # blocked by now
    execv(program, [program, "-m", "t2f_jax.cli", "convert", "explain"])
os.execv = start_again
environment.tune(many_steps=False)
"""
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True)
    if sys.platform != "linux":
        pytest.skip("it starts itself again on Linux alone")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"t2f: {end}\n")


def test_an_interrupt_while_modules_are_read_is_one_line():
    code = """
import sys
class Interrupting:
    def find_spec(self, name, *_):
        if name == "t2f_jax.cli.parser":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from t2f_jax.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "t2f: interrupted\n")
