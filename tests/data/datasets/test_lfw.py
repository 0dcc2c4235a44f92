import made_up
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, registry
from t2f_jax.errors import UserError


def open_lfw(folder):
    return registry.open_source(SourceConfig(kind="lfw", folder=str(folder)), "faces")


def test_scores_are_read_by_their_sign(tmp_path):
    source = open_lfw(made_up.make("lfw", tmp_path / "LFW"))
    expected = {"gender": "female", "eyeglasses": "yes", "young": "no", "sunglasses": "no"}
    assert source.id(1) == "Jane_B/Jane_B_0001.jpg" and source.fields(1)["attributes"] == expected
    assert source.fields(0)["attributes"] == {"gender": "male", "eyeglasses": "no", "sunglasses": "no"}
    assert [a.name for a in source.schema] == ["eyeglasses", "gender", "young", "sunglasses"]
    assert len(source.split("test")) == 6 and source.id(source.split("test")[0]) == "Jane_U/Jane_U_0001.jpg"
    assert source.skipped[0]["id"] == "Jane_Absent/Jane_Absent_0003.jpg"


def test_lfwas_labels_and_its_split_come_first(tmp_path):
    folder = made_up.make("lfw", tmp_path / "LFW")
    made_up.lfwa(folder)
    source = open_lfw(folder)
    assert source.fields(3)["attributes"] == {"gender": "male", "wearing hat": "yes", "no beard": "yes"}
    assert source.split("test") == list(range(6)) and source.image(0, 16).shape == (16, 16, 3)


def test_without_a_published_split_a_hash_of_the_person_decides(tmp_path):
    folder = made_up.make("lfw", tmp_path / "LFW")
    for name in ("peopleDevTrain.txt", "peopleDevTest.txt"):
        (folder / name).unlink()
    assert all(open_lfw(folder).split(split) for split in base.SPLITS)


def test_what_is_broken_is_named(tmp_path):
    folder = made_up.make("lfw", tmp_path / "LFW")
    table = folder / "lfw_attributes.txt"
    table.write_text(table.read_text().replace("Jane C\t1\t1.25", "Jane C\t1\t?"))
    with pytest.raises(UserError, match=r"lfw_attributes\.txt, line 5: could not convert .*'\?'"):
        open_lfw(folder)
    made_up.lfwa(folder)
    (folder / "lfw_att_40.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(UserError, match=r"lfw_att_40\.mat: no readable \.mat file of MATLAB 7\.3"):
        open_lfw(folder)
