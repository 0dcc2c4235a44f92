"""The wheel: all that the package reads lies in it, and an environment that holds nothing of the clone can use it."""

import os
import pathlib
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest
from documents import ROOT

pytest.importorskip("hatchling", reason="hatchling is not installed; pip install -e '.[dev]'")
pytestmark = pytest.mark.slow
SMALL = ["image.train.steps=2", "decoder.train.steps=2", "eval.faces=4", "eval.generated=4", "eval.judge_steps=2"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", ROOT, "-w", folder], check=True)
    (made,) = folder.glob("t2f_jax-*.whl")
    return made


@pytest.fixture(scope="module")
def t2f(wheel, tmp_path_factory):
    """Runs the `t2f` that the wheel installs, far from the clone; returns what it printed.

    Beside the wheel the environment sees the packages that are installed here, but not the clone.
    """
    place = tmp_path_factory.mktemp("bare")
    venv.create(place / "env", with_pip=False, symlinks=True)
    python = place / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", wheel], check=True)
    paths = sysconfig.get_paths(vars={"base": str(place / "env"), "platbase": str(place / "env")})
    pathlib.Path(paths["purelib"], "others.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "XLA_FLAGS", "T2F_DATA")}

    def run(*words):
        command = [place / "env" / "bin" / "t2f", *words]
        done = subprocess.run(command, cwd=place, env={**env, "HOME": str(place)}, capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    return run


def test_everything_that_the_package_reads_is_in_it(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    for folder, inside in ((ROOT / "t2f_jax", "t2f_jax"), (ROOT / "configs", "t2f_jax/configs")):
        files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
        assert {f"{inside}/{path.as_posix()}" for path in files if "__pycache__" not in path.parts} <= held


def test_its_configs_are_those_of_the_clone(t2f):
    names = [path.stem for path in (ROOT / "configs").glob("*.py") if path.stem != "__init__"]
    assert [line.split()[0] for line in t2f("config").split("\n\n")[0].splitlines()] == sorted(names)
    for name in names:
        assert "* name=" in t2f("config", "tables:age" if name == "tables" else name, "--changed")


def test_it_is_seen_where_it_lies(t2f):
    found = " ".join(t2f("doctor").split())
    assert "bare0/env/lib" in found and "everything that is required is here" in found


@pytest.mark.timeout(3600)
def test_words_become_faces_and_faces_words(t2f):
    t2f("quickstart", "--tiny", "--out", "run", *SMALL)
    t2f("generate", "--model", "run/model", "--text", "a man", "--n", "1", "--out", "faces")
    t2f("caption", "--model", "run/model", "faces/face-000000.png")
    assert "age" in t2f("analyze", "--model", "run/model", "faces/face-000000.png")
    assert "report.html" in t2f("report", "run")
