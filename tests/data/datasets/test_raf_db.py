import made_up
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import registry
from t2f_jax.errors import UserError


def open_raf(folder):
    return registry.open_source(SourceConfig(kind="raf_db", folder=str(folder)), "faces")


def test_expressions_and_what_is_known_besides(tmp_path):
    source = open_raf(made_up.make("raf_db", tmp_path / "RAF-DB"))
    test = source.split("test")
    assert [source.id(i) for i in test] == [f"test_{k:04d}.jpg" for k in (1, 2, 3, 4)] and source.split("validation")
    assert source.fields(test[0])["attributes"] == {
        "expression": "afraid",
        "gender": "female",
        "ethnicity": "black",
        "age": "4-19",
    }
    assert source.fields(test[1])["attributes"] == {"expression": "disgusted", "ethnicity": "asian", "age": "20-39"}
    assert source.fields(test[3])["attributes"] == {"expression": "sad"}
    assert source.fields(3)["attributes"]["age"] == "70+"
    assert source.signature(0).startswith("train_00001_aligned.jpg ")
    assert [each["id"] for each in source.skipped] == ["test_0099.jpg"]


def test_what_is_broken_is_named(tmp_path):
    folder = made_up.make("raf_db", tmp_path / "RAF-DB")
    manual = folder / "basic/Annotation/manual/train_00002_manu_attri.txt"
    manual.write_text("1\t2\n" * 5 + "0\n1\n")
    with pytest.raises(UserError, match=r"train_00002_manu_attri\.txt: five lines of landmarks and three"):
        open_raf(folder)
    table = folder / "basic/EmoLabel/list_patition_label.txt"
    table.write_text("train_00001.jpg 8\n")
    with pytest.raises(UserError, match=r"list_patition_label\.txt, line 1: 'train_00001.jpg 8' should be"):
        open_raf(folder)
