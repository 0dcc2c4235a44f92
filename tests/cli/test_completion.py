"""`t2f completion`: what Tab offers in a real Bash."""

import shutil
import subprocess

import pytest

from t2f_jax import cli

TRY = """source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }
_t2f
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """A function: shell -> the file of its script."""

    def write(shell):
        path = tmp_path_factory.mktemp("completion") / "t2f"
        with pytest.MonkeyPatch.context() as patch, path.open("w") as file:
            patch.setattr("sys.stdout", file)
            cli.main(["completion", shell])
        return path

    return write


@pytest.fixture(scope="module")
def offered(script):
    """A function: the words so far -> what Tab offers."""
    if not shutil.which("bash"):
        pytest.skip("there is no bash here")
    path = script("bash")

    def complete(*words):
        done = subprocess.run(
            ["bash", "-c", TRY, "bash", path, "t2f", *words], capture_output=True, text=True, check=True
        )
        return done.stdout.split()

    return complete


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (["doc"], ["doctor"]),
        (["data", "ha"], ["hash"]),
        (["generate", "--mo"], ["--model"]),
        (["train", "quick"], ["quickstart"]),
        (["train", "quickstart", "decoder.train.st"], ["decoder.train.steps="]),
        (["train", "own", "data.sources.own.fo"], ["data.sources.own.folder="]),
        (["convert", "export", "m", "--to", "h"], ["hf"]),
    ],
)
def test_tab_completes_commands_options_configs_and_keys(offered, words, right):
    assert offered(*words) == right


def test_tab_completes_files_and_folders(offered, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model.txt").touch()
    (tmp_path / "mine.py").touch()
    assert set(offered("caption", "--model", f"{tmp_path}/mo")) == {f"{tmp_path}/model", f"{tmp_path}/model.txt"}
    assert offered("quickstart", "--out", f"{tmp_path}/mo") == [f"{tmp_path}/model"]
    assert offered("train", f"{tmp_path}/m") == [f"{tmp_path}/mine.py"]


def test_zsh_reads_its_script(script):
    text = script("zsh").read_text()
    assert text.startswith("#compdef t2f") and "compadd -S '' -- " in text and '_t2f_keys"' in text
    if shutil.which("zsh"):
        subprocess.run(["zsh", "-n", script("zsh")], check=True)
