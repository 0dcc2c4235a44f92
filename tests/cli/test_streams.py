"""Standard output and error as other programs leave them to `t2f`."""

import os
import subprocess
import sys

COMMAND = [sys.executable, "-m", "t2f_jax.cli"]


def test_a_reader_that_ends_is_no_mistake():
    for words in (["convert", "explain"], ["--help"]):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([*COMMAND, *words], stdout=write, stderr=subprocess.PIPE, text=True)
        os.close(write)
        assert (
            done.returncode in (0, 141) and done.stderr == ""
        )  # 0: argparse prints help, and ignores the error itself


def test_a_closed_stream_takes_no_answer_away():
    for closed in ("2>&-", "2>&- <&-"):
        done = subprocess.run(
            ["sh", "-c", f'"$@" {closed}', "sh", *COMMAND, "--version"], capture_output=True, text=True
        )
        assert done.returncode == 0 and done.stdout.startswith("t2f_jax ")


def test_a_sign_that_the_encoding_lacks_is_escaped():
    code = "from t2f_jax.cli import streams; streams.prepare(); print('f\\xe4ce \\udcff')"
    variables = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout == "f\\xe4ce \\udcff\n"
