"""The command line: honest help, and a user's mistake is one line on stderr and exit code 2."""

import subprocess
import sys

import pytest

from t2f_jax import cli

COMMANDS = ("quickstart", "train-tokenizer", "prepare", "train", "generate", "caption", "analyze")
COMMANDS += ("evaluate", "report", "bench", "convert")


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
        (["generate", "--model", "nowhere", "--text", "a man", "--out", "faces"], "nowhere: no such folder"),
        (["generate", "--model", "nowhere", "--out", "faces"], "say what face to make"),
        (
            ["generate", "--model", "m", "--text", "a", "--n", "0", "--out", "f"],
            "must be a whole number from 1 on, got '0'",
        ),
        (["caption", "--model", "nowhere", "face.png"], "nowhere: no such folder"),
        (["analyze", "--model", "nowhere", "face.png"], "nowhere: no such folder"),
        (["train", "quickstrat", "--out", "run"], "no config 'quickstrat'"),
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


def test_a_missing_data_folder_says_what_to_set(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("T2F_DATA", raising=False)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["train-tokenizer", "faces", "--out", str(tmp_path / "run")])
    assert stopped.value.code == 2
    assert "T2F_DATA" in capsys.readouterr().err


def test_the_module_runs_as_a_program():
    done = run("--version")
    assert done.returncode == 0 and done.stdout.startswith("t2f_jax ")
