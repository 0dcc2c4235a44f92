import pytest

from t2f_jax import cli
from t2f_jax.cli.reproduce import NAMES
from t2f_jax.experiments import reproduce
from t2f_jax.experiments.tables import TABLES


def test_a_table_is_printed_and_written(folder, tmp_path, monkeypatch, capsys):
    def measure(table, model, out, folders, overrides, networks, meteor):
        assert (table, folders, overrides) == (TABLES["attributes"], {"celeba": "faces"}, ["eval.faces=3"])
        nothing = {"figures": {}, "partition": "", "missing": "no such folder"}
        return {setting.name: nothing for setting in table.settings}

    monkeypatch.setattr(reproduce, "reproduce", measure)
    out = tmp_path / "out"
    given = ["--model", str(folder), "--out", str(out), "--data", "celeba:faces", "eval.faces=3"]
    cli.main(["reproduce", "attributes", *given])
    told = capsys.readouterr().out
    assert "| **this model** | – | measured here |" in told and told.endswith(
        "measured: 0 of 2 settings; the table tells what each of the others needs\n" + f"written: {out / 'table.md'}\n"
    )
    assert (out / "table.md").read_text() in told


def test_every_table_has_its_name():
    assert tuple(TABLES) == NAMES


@pytest.mark.parametrize(
    ("table", "data", "told"),
    [
        ("age", "celeba", "argument --data: 'celeba' should be KIND:DIR, such as celeba:/data/CelebA"),
        ("ages", "celeba:x", "argument table: invalid choice: 'ages'; the nearest is 'age'"),
    ],
)
def test_mistakes_are_told(folder, tmp_path, capsys, table, data, told):
    with pytest.raises(SystemExit) as ended:
        cli.main(["reproduce", table, "--model", str(folder), "--out", str(tmp_path / "o"), "--data", data])
    assert ended.value.code == 2 and told in capsys.readouterr().err
