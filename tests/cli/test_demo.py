"""`t2f demo`: which model it takes, and what it says without one."""

import os
import sys

import pytest

from t2f_jax import cli
from t2f_jax.cli import demo
from t2f_jax.errors import UserError


def test_the_newest_model_is_taken(tmp_path):
    for age, name in enumerate(["a/model", "b/model", "exported"]):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for file in ("decoder.safetensors", "config.json"):
            (folder / file).touch()
            os.utime(folder / file, (1000 - age, 1000 - age))
    assert demo.newest_model(tmp_path) == tmp_path / "a" / "model"
    os.utime(tmp_path / "exported" / "config.json", (2000, 2000))
    assert demo.newest_model(tmp_path) == tmp_path / "exported"


def test_without_a_model_the_command_that_makes_one_is_told(tmp_path, monkeypatch, capsys):
    with pytest.raises(UserError, match=r"no model in .*t2f quickstart --out runs/quickstart"):
        demo.newest_model(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo"])
    assert ended.value.code == 2 and "there is no model in runs/" in capsys.readouterr().err


def test_without_gradio_the_line_that_installs_it_is_told(folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "t2f_jax.demo.server", raising=False)
    monkeypatch.delattr("t2f_jax.demo.server", raising=False)
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo", "--model", str(folder)])
    assert ended.value.code == 2 and "pip install 't2f_jax[demo]'" in capsys.readouterr().err
