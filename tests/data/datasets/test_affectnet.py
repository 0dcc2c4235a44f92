import made_up
import numpy as np
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import registry
from t2f_jax.errors import UserError


def open_affectnet(folder):
    return registry.open_source(SourceConfig(kind="affectnet", folder=str(folder)), "faces")


def test_arrays_of_numbers_or_texts(tmp_path):
    folder = made_up.make("affectnet", tmp_path / "AffectNet")
    source = open_affectnet(folder)
    assert len(source.split("test")) == 5 and len(source.split("train")) + len(source.split("validation")) == 79
    assert source.split("validation")
    assert [source.id(i) for i in range(11)][-1] == "train_set/11.jpg"
    said = [source.fields(i)["attributes"]["expression"] for i in source.split("test")]
    assert said == ["neutral", "happy", "sad", "surprised", "afraid"]
    assert source.skipped[0]["id"] == "train_set/2.jpg" and "no 2_exp.npy" in source.skipped[0]["why"]
    np.save(folder / "val_set/annotations/0_exp.npy", np.array(["x"], object), allow_pickle=True)
    with pytest.raises(UserError, match=r"0_exp\.npy: no array of one expression"):
        open_affectnet(folder)


def test_a_list_without_a_header_and_codes_that_are_no_expression(tmp_path):
    folder = tmp_path / "AffectNet"
    made_up.affectnet_2017(folder)
    source = open_affectnet(folder)
    assert len(source.split("test")) == 4 and source.id(0) == "0/training0.jpg"
    assert source.fields(7)["attributes"] == {"expression": "contemptuous"}
    assert {each["why"] for each in source.skipped} == {
        f"its expression is '{w}'" for w in ("none", "uncertain", "no face")
    }
    assert source.signature(0).endswith("(8.0, 8.0, 32.0, 32.0)")
    assert source.image(1, 16).shape == (16, 16, 3)
    table = folder / "Manually_Annotated_file_lists/validation.csv"
    table.write_text(table.read_text().replace("1;2;3;4,0,", "1;2;3;4,11,"))
    with pytest.raises(UserError, match=r"validation\.csv, line 2: expression '11' should be a whole number"):
        open_affectnet(folder)
