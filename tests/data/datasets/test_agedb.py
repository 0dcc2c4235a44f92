import made_up
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, registry
from t2f_jax.errors import UserError


def open_agedb(folder, partition=""):
    return registry.open_source(SourceConfig(kind="agedb", folder=str(folder), partition=partition), "faces")


def test_names_hold_the_labels(tmp_path):
    source = open_agedb(made_up.make("agedb", tmp_path / "AgeDB"))
    assert {each["id"] for each in source.skipped} == {"JohnDoe.jpg", "1002_JohnDoe_0_m.jpg"}
    assert source.id(1) == "1_JaneAA_40_m.jpg" and source.id(10) == "10_JaneAF_25_f.jpg"
    assert source.fields(10)["attributes"] == {"gender": "female", "age": 25}
    assert source.image(10, 16).shape == (16, 16, 3)


def test_nobody_is_in_two_splits_whatever_unpacked_the_names(tmp_path):
    source = open_agedb(made_up.make("agedb", tmp_path / "AgeDB"))
    people = [{source.id(i).split("_")[1] for i in source.split(split)} for split in base.SPLITS]
    assert all(people) and sum(map(len, people)) == len(set.union(*people))
    assert any({"René", "Ren#U00e9"} <= each for each in people)


def test_a_folder_in_a_folder_is_read(tmp_path):
    made_up.make("agedb", tmp_path / "AgeDB" / "AgeDB")
    assert open_agedb(tmp_path / "AgeDB").id(0) == "0_JaneAA_20_m.jpg"


def test_the_benchmarks_partition_is_joined_by_number(tmp_path):
    folder = made_up.make("agedb", tmp_path / "AgeDB")
    names = [path.name for path in sorted(folder.iterdir(), key=lambda path: path.name)][:-2]
    made_up.benchmark(folder / "AgeDB_aligned.json", [name.replace("René", "Renقب") for name in names])
    source = open_agedb(folder, "age-benchmark-1")
    number = {name: k % 10 for k, name in enumerate(names)}
    folders = [{number[source.id(i)] for i in source.split(split)} for split in base.SPLITS]
    assert folders == [{2, 3, 4, 5, 6, 7}, {8, 9}, {0, 1}]
    assert source.signature(0).endswith("(10.0, 5.0, 30.0, 25.0)")


def test_a_partition_that_is_not_there_is_told(tmp_path):
    folder = made_up.make("agedb", tmp_path / "AgeDB")
    with pytest.raises(UserError, match=r"neither AgeDB_aligned\.json nor AgeDB\.json, which age-benchmark-0"):
        open_agedb(folder, "age-benchmark-0")
    with pytest.raises(UserError, match=r"data\.sources\.faces\.partition='cv': AgeDB knows age-benchmark-0, "):
        open_agedb(folder, "cv")
    (folder / "AgeDB.json").write_text('[{"img_path": "AgeDB/1_A_2_m.jpg", "folder": 10}]')
    with pytest.raises(UserError, match=r"AgeDB\.json, entry 0: it should have 'img_path' and 'folder'"):
        open_agedb(folder, "age-benchmark-0")
