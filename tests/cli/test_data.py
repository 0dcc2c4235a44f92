"""`t2f data`: what is told of datasets."""

import json

import pytest

from t2f_jax import cli
from t2f_jax.data.datasets import registry


def run(capsys, *words):
    cli.main(["data", *words])
    return capsys.readouterr().out


def test_the_list_names_every_dataset_and_which_are_here(utkface_folder, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("T2F_DATA", str(utkface_folder.parent))
    lines = run(capsys, "list", "--json", str(tmp_path / "list.json")).splitlines()
    by_kind = {line.split()[0]: line for line in lines if line}
    assert set(registry.MODULES) <= set(by_kind)
    assert "age, gender, ethnicity" in by_kind["utkface"] and by_kind["utkface"].endswith(f" {utkface_folder}")
    assert by_kind["celeba"].endswith(" no") and "202,599 faces" in by_kind["celeba"]
    assert "gender, 39 attributes" in by_kind["celeba"]
    records = json.loads((tmp_path / "list.json").read_text())
    assert [record["kind"] for record in records] == list(registry.MODULES)


@pytest.mark.parametrize("name", ["celeba", "CelebA", "CELEBA"])
def test_one_dataset_is_told_in_full(name, monkeypatch, capsys):
    monkeypatch.delenv("T2F_DATA", raising=False)
    told = run(capsys, "list", name)
    for words in ("non-commercial research only", "ICCV 2015", "img_align_celeba.zip", 'kind="celeba"', "eyeglasses"):
        assert words in told
    assert "no: set T2F_DATA to the folder that holds CelebA/" in told


def test_an_unknown_dataset_names_the_nearest(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["data", "list", "celebb"])
    assert stopped.value.code == 2 and "the nearest is 'celeba'" in capsys.readouterr().err
