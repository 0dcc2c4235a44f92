"""The command line: honest help, and a user's mistake is one line on stderr and exit code 2."""

import subprocess
import sys

import pytest

from t2f_jax import cli
from t2f_jax.cli import parser
from t2f_jax.errors import UserError

COMMANDS = ("quickstart", "train-tokenizer", "prepare", "train", "sweep", "generate", "caption", "analyze")
COMMANDS += ("evaluate", "report", "reproduce", "bench", "supervise", "plan", "convert", "data")
COMMANDS += ("config", "doctor", "completion")
DATA = ("list", "check", "make", "card", "hash")
CONVERT = ("import", "export", "round", "verify", "explain")


def run(*words, **kwargs):
    return subprocess.run([sys.executable, "-m", "t2f_jax.cli", *words], capture_output=True, text=True, **kwargs)


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--help"])
    assert stopped.value.code == 0
    told = capsys.readouterr().out
    assert all(command in told for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--help"])
    assert stopped.value.code == 0
    assert f"t2f {command}" in capsys.readouterr().out.replace("cli.py", "t2f")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["paint"], "invalid choice: 'paint'"),
        (["captoin"], "invalid choice: 'captoin'; the nearest is 'caption' (see"),
        (["generate", "--model", "nowhere", "--text", "a man", "--out", "faces"], "nowhere: no such folder"),
        (["generate", "--model", "nowhere", "--out", "faces"], "say what face to make"),
        (
            ["generate", "--model", "m", "--text", "a", "--n", "0", "--out", "f"],
            "must be a whole number from 1 on, got '0'",
        ),
        (["caption", "--model", "nowhere", "face.png"], "nowhere: no such folder"),
        (["analyze", "--model", "nowhere", "face.png"], "nowhere: no such folder"),
        (["train", "quickstrat", "--out", "run"], "no config 'quickstrat'; the nearest is 'quickstart'"),
        (["train", "7", "--out", "run"], "no config '7'; give one of"),
        (
            ["generate", "--model", "m", "--guidence", "3", "--text", "a", "--out", "f"],
            "t2f generate: unrecognized arguments: --guidence 3; the nearest is '--guidance' (see t2f generate --help)",
        ),
        (
            ["convert", "verify", "a", "b", "--tolerence=1"],
            "the nearest is '--tolerance' (see t2f convert verify --help)",
        ),
        (["train", "quickstart", "--out", "run", "decoder.train.stepps=3"], "the nearest is 'decoder.train.steps'"),
        (["train-tokenizer", "quickstart", "--out", "run", "image.train.steps=x"], "must be of type int"),
        (["prepare", "quickstart", "--tokenizer", "nowhere", "--out", "store"], "nowhere: no such folder"),
        (["evaluate", "--model", "nowhere", "--out", "e"], "nowhere: no such folder"),
        (["report", "nowhere"], "nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(words, told, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    line = capsys.readouterr().err
    assert stopped.value.code == 2
    assert told in line and line.count("\n") == 1 and "Traceback" not in line
    assert not list(tmp_path.rglob("*.*")), "a mistake leaves nothing behind"


def test_a_wrong_models_nearest_folder_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/quickstart/model").mkdir(parents=True)
    for given in ("runs/quikstart/model", "runs/quickstart/modle", "run/quickstart/model"):
        with pytest.raises(SystemExit):
            cli.main(["caption", "--model", given, "face.png"])
        told = capsys.readouterr().err
        assert told == f"t2f: {given}: no such folder; the nearest is 'runs/quickstart/model'\n"


def test_a_missing_data_folder_says_what_to_set(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("T2F_DATA", raising=False)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["train-tokenizer", "faces", "--out", str(tmp_path / "run")])
    assert stopped.value.code == 2
    assert "T2F_DATA" in capsys.readouterr().err


def test_the_module_runs_as_a_program():
    done = run("--version")
    assert done.returncode == 0 and done.stdout.startswith("t2f_jax ")


def test_no_help_needs_jax():
    """All of them in one process: none imports JAX, TensorFlow or NumPy."""
    words = [[], *([c] for c in COMMANDS), *(["convert", c] for c in CONVERT), *(["data", c] for c in DATA)]
    code = f"""
import contextlib, io, sys
from t2f_jax import cli
for words in {words}:
    with contextlib.redirect_stdout(io.StringIO()) as told, contextlib.suppress(SystemExit):
        cli.main([*words, "--help"])
    assert told.getvalue().startswith("usage: t2f"), words
print([name for name in ("jax", "tensorflow", "numpy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_says_what_it_needs():
    """Only what trains makes a device of each core, only what computes starts the program again."""

    def needs(words):
        return parser.build_parser().parse_args(words).needs

    out = ["--out", "o"]
    train = needs(["train", "faces", *out])
    assert train.many_steps and not train.uploads and not train.first_alone
    assert needs(["train-tokenizer", "faces", *out]) == train
    prepare = needs(["prepare", "faces", "--tokenizer", "t", *out])
    assert not prepare.many_steps and not prepare.uploads
    assert needs(["quickstart", *out]) == train
    for words in (["generate", *out], ["caption", "f"], ["analyze", "f"]):
        assert needs([*words, "--model", "m"]).first_alone
    for words in (["evaluate", *out], ["reproduce", "age", *out]):  # all processes of a job share the work
        assert not needs([*words, "--model", "m"]).first_alone
    assert not needs(["report", "d"]).tuned and not needs(["convert", "verify", "a", "b"]).tuned
    assert not needs(["plan", "faces", "--topology", "v5e:2x4"]).programs and needs(["bench"]).programs
    assert not needs(["supervise", "false"]).jax


@pytest.mark.parametrize(
    ("error", "line", "code"),
    [
        (UserError("a row\nis wrong"), "t2f: a row is wrong\n", 2),
        (PermissionError(13, "Permission denied", "runs"), "t2f: runs: Permission denied\n", 2),
        (FileExistsError(17, "File exists", "runs"), "t2f: runs: a file is there already; name a folder\n", 2),
        (KeyboardInterrupt(), "t2f: interrupted\n", 130),
    ],
)
def test_an_error_becomes_a_line_and_an_exit_code(error, line, code, capsys):
    def work():
        raise error

    with pytest.raises(SystemExit) as stopped:
        parser.guarded(work)
    assert stopped.value.code == code and capsys.readouterr().err == line


@pytest.mark.parametrize("error", ["DiskFull('faces/b.png: No space left on device')", "OSError(28, 'No space left')"])
def test_a_full_disk_is_told_with_the_faces_that_are_there(error, tmp_path):
    code = f"""
from t2f_jax.cli import options, parser
from t2f_jax.errors import DiskFull
def work():
    raise {error}
parser.guarded(work, options.writable_folder("faces"))
"""
    (tmp_path / "faces").mkdir()
    for name in ("a.png", ".b.png.1.partial", "grid.png"):
        (tmp_path / "faces" / name).touch()
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.endswith("; 1 face in faces\n") and done.stderr.count("faces") >= 2


def test_a_fault_of_the_program_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        parser.guarded(lambda: 1 / 0)
