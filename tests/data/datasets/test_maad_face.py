import made_up
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import maad_face, registry
from t2f_jax.errors import UserError


def open_maad(folder):
    return registry.open_source(SourceConfig(kind="maad_face", folder=str(folder)), "faces")


def test_zero_is_unknown_and_folders_tell_the_split(tmp_path):
    source = open_maad(made_up.make("maad_face", tmp_path / "MAAD-Face"))
    assert [source.id(i) for i in source.split("test")] == [f"n{k:06d}/0001_01.jpg" for k in (27, 28, 29)]
    labels = {name: (1 + n) % 3 - 1 for n, name in enumerate(maad_face.COLUMNS)}  # of face 1
    attributes = source.fields(1)["attributes"]
    assert labels["Male"] == 0 and "gender" not in attributes
    assert labels["Bald"] == 0 and "bald" not in attributes
    assert labels["Shiny_Skin"] == -1 and attributes["shiny skin"] == "no"
    assert labels["Bangs"] == 0 and labels["Wavy_Hair"] == 1 and attributes["wavy hair"] == "yes"
    assert [each["id"] for each in source.skipped] == ["n000000/0002_01.jpg"]
    assert source.image(0, 16).shape == (16, 16, 3)


def test_a_label_that_is_none_is_refused(tmp_path):
    folder = made_up.make("maad_face", tmp_path / "MAAD-Face")
    table = folder / "MAAD_Face.csv"
    whole = table.read_text()
    for wrong, message in (("2", "a label other than -1, 0 and 1"), ("x", "no table with Filename and 47 columns")):
        table.write_text(whole.replace("n000000/0001_01.jpg,0,-1,", f"n000000/0001_01.jpg,0,{wrong},"))
        with pytest.raises(UserError, match=message):
            open_maad(folder)
