"""`t2f doctor`: what is printed, and the exit code."""

import json

import pytest

from t2f_jax import cli, doctor
from t2f_jax.doctor.finding import Finding


def test_everything_is_told_and_nothing_is_wrong(monkeypatch, tmp_path, capsys):
    missing = Finding("tpu", "libtpu is missing", "optional", "pip install 'libtpu>=0.0.42'")
    found = {"packages": [Finding("python", "3.11"), missing], "folders": [Finding("cache", "here " * 40)]}
    monkeypatch.setattr(doctor, "examine", lambda: found)
    monkeypatch.setenv("COLUMNS", "70")
    cli.main(["doctor", "--json", str(tmp_path / "d.json")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["packages", "  ok  python        3.11", "  --  tpu           libtpu is missing"]
    assert lines[3].strip() == missing.mend and lines[-1] == "everything that is required is here"
    assert all(len(line) <= 70 for line in lines)
    assert json.loads((tmp_path / "d.json").read_text())["packages"][1]["state"] == "optional"


def test_what_is_wrong_is_marked_and_is_the_exit_code(monkeypatch, capsys):
    wrong = Finding("devices", "no such device", "wrong", "unset JAX_PLATFORMS")
    monkeypatch.setattr(doctor, "examine", lambda: {"machine": [wrong]})
    with pytest.raises(SystemExit) as stopped:
        cli.main(["doctor"])
    told = capsys.readouterr().out
    assert stopped.value.code == 1 and "  !!  devices" in told and told.endswith("\nwrong: devices\n")
