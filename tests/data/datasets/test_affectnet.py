import made_up
import numpy as np
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import registry
from t2f_jax.errors import UserError
from t2f_jax.io.framing import TEMPLATE, Framing


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


def test_landmarks_of_a_crop_are_in_arrays_beside_its_expression(tmp_path):
    folder = made_up.make("affectnet", tmp_path / "AffectNet")
    source = open_affectnet(folder)
    known = {source.id(i): source.landmarks(i) for i in range(6)}
    np.testing.assert_allclose(known["train_set/0.jpg"], TEMPLATE / 4)
    np.testing.assert_allclose(known["train_set/1.jpg"], TEMPLATE / 4)  # texts
    assert known["train_set/3.jpg"] is None and known["train_set/4.jpg"] is None  # fewer points; none
    (folder / "train_set/annotations/0_lnd.npy").write_bytes(b"no array")
    with pytest.raises(UserError, match=r"0_lnd\.npy: no array of 68 points"):
        source.landmarks(0)


def test_landmarks_of_the_photograph_are_those_of_its_box(tmp_path):
    made_up.affectnet_2017(tmp_path)
    source = open_affectnet(tmp_path)
    assert source.id(2) == "2/training2.jpg" and source.signature(2).endswith("(8.0, 8.0, 32.0, 32.0)")
    np.testing.assert_allclose(source.landmarks(2), TEMPLATE / 4 - 8, atol=1e-5)
    assert source.landmarks(1) is None  # fewer points than 68
    aligned = Framing(resize="landmarks")
    assert (source.image(2, 32, aligned) != source.image(2, 32)).any()
    np.testing.assert_array_equal(source.image(1, 32, aligned), source.image(1, 32))
    table = tmp_path / "Manually_Annotated_file_lists/training.csv"
    table.write_text(table.read_text().replace(";16.0", ";x", 1))
    with pytest.raises(UserError, match=r"training\.csv, line 3: facial_landmarks should be 68 points"):
        open_affectnet(tmp_path).landmarks(2)


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
