"""`t2f config`: keys, values and meanings; what differs from the defaults."""

import json

import pytest

from t2f_jax import cli, config
from t2f_jax.config import loader, typed


def run(capsys, *words):
    cli.main(["config", *words])
    return capsys.readouterr().out


def test_every_key_is_told_and_what_differs_is_marked(capsys, tmp_path):
    told = run(capsys, "quickstart", "decoder.train.steps=77", "--json", str(tmp_path / "c.json"))
    lines = told.splitlines()
    assert "> decoder.train.steps=77" in lines and "  decoder.train.seed=0" in lines
    assert "* decoder.model.width=128" in lines
    assert "* data.sources.drawn.count=10000" not in lines  # the default itself
    assert "Updates of the weights. [int, 1 to 1,000,000,000, default 1000]" in " ".join(told.split())
    records = {record["key"]: record for record in json.loads((tmp_path / "c.json").read_text())}
    loaded = typed.to_dict(config.load("quickstart", "decoder.train.steps=77"))
    sparse = {
        "data.resize",
        "data.filter",
        "data.sources.drawn.celeba",
    }  # a dictionary tells them where they are changed
    assert set(records) == set(typed.flat_keys(loaded)) | sparse
    assert records["decoder.train.steps"]["value"] == 77 and records["decoder.train.steps"]["changed"]
    assert [key for key, record in records.items() if record["given"]] == ["decoder.train.steps"]


def test_what_is_printed_makes_the_same_config_again(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    changed = run(capsys, "talk2face_base", "--changed").splitlines()
    assert all(len(line) <= 80 for line in changed)
    given = [line[2:].strip("'") for line in changed if line.startswith("* ") and ".sources." not in line]
    again = config.base_config()
    config.override(again, given)
    expected = typed.to_dict(config.load("talk2face_base"))
    found = typed.to_dict(config.loader.narrow(again))
    expected["data"].pop("sources"), found["data"].pop("sources")
    assert found == expected


def test_without_a_name_the_shipped_configs_are_listed(capsys):
    told = run(capsys)
    assert all(f"\n{name} " in f"\n{told}" for name in loader.names())
    assert "Drawn faces, 64 x 64 pixels" in told


def test_a_wrong_key_is_a_mistake(capsys):
    with pytest.raises(SystemExit):
        run(capsys, "quickstart", "decoder.train.stepps=3")
    assert "the nearest is 'decoder.train.steps'" in capsys.readouterr().err
