"""`t2f data`: what is told of datasets."""

import json

import own_data
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


def test_a_table_is_made_checked_and_named_for_training(tmp_path, capsys):
    own_data.images(tmp_path, 5)
    told = run(capsys, "make", str(tmp_path))
    assert f"{tmp_path}/faces.csv: 5 images, 0 with captions" in told and f"t2f data check {tmp_path}" in told
    with pytest.raises(SystemExit) as stopped:
        cli.main(["data", "check", str(tmp_path)])
    told = capsys.readouterr().out
    assert stopped.value.code == 1 and "nothing to learn from: no face has a caption or a label; fill in" in told
    assert "train on it" not in told
    table = tmp_path / "faces.csv"
    table.write_text(table.read_text("utf-8-sig").replace("00.jpg,", "00.jpg,A man."))
    told = run(capsys, "check", str(tmp_path), "--columns", "none=age", "--json", str(tmp_path / "found.json"))
    assert "CSV table, 5 faces (3 train, 1 validation, 1 test), 1 caption\n" in told
    assert "5 faces would be too few without one" in told
    assert f"t2f train own:MODEL data.sources.own.folder={tmp_path} data.sources.own.columns=none=age --out RUN" in told
    assert json.loads((tmp_path / "found.json").read_text())["splits"] == {"train": 3, "validation": 1, "test": 1}


def test_a_model_to_begin_with_is_not_needed_for_many_faces(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("t2f_jax.cli.data.ENOUGH", 9)
    told = run(capsys, "check", str(own_data.write_csv(tmp_path, 9)))
    assert f"train on it: t2f train own data.sources.own.folder={tmp_path} --out RUN" in told and "MODEL" not in told


def test_a_check_names_what_is_wrong_and_its_exit_code_says_so(tmp_path, capsys):
    own_data.write_csv(tmp_path, 9)
    with (tmp_path / "faces.csv").open("a") as file:
        file.writelines(f"nowhere-{k}.jpg,,,,,\n" for k in range(25))
    with pytest.raises(SystemExit) as stopped:
        cli.main(["data", "check", str(tmp_path), "--quick"])
    told = capsys.readouterr().out
    assert stopped.value.code == 1 and "25 problems; each one excludes its whole row from training" in told
    assert "  faces.csv, line 11: column 'image': 'nowhere-0.jpg': no such file" in told
    assert "and 5 more (--json F lists them all)" in told and "train on it" not in told
