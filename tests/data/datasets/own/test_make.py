"""A first table: what is filled in, and what is never overwritten."""

import csv
import os

import own_data
import pytest

from t2f_jax.data.datasets.own import check, make
from t2f_jax.errors import UserError


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_table_that_is_made_is_read(tmp_path, ending):
    own_data.images(tmp_path / "photos", 12)
    (tmp_path / "photos" / "03.txt").write_text("A man.\n\nWith a hat.\n")
    made = make.make(tmp_path / "photos", tmp_path / f"table{ending}")
    assert (made.rows, made.captions, made.left_out) == (12, 1, {})
    report = check.check(tmp_path / f"table{ending}", {})
    assert report.problems == [] and report.captions == 2 and sum(report.splits.values()) == 12
    assert [(c.name, c.told) for c in report.columns if c.role == "not read"] == [
        ("age", "it is empty"),
        ("gender", "it is empty"),
    ]


def test_a_table_that_is_there_is_told_of(tmp_path):
    own_data.images(tmp_path, 2)
    (tmp_path / "people.tsv").write_text("image\tage\n00.jpg\t3\n")
    with pytest.raises(UserError, match=r"people\.tsv: a table is there already; `t2f data check .*` shows how"):
        make.make(tmp_path)
    assert not (tmp_path / "faces.csv").exists()
    assert make.make(tmp_path, tmp_path / "faces.csv").rows == 2


def test_folders_say_split_and_label(tmp_path):
    for split in ("train", "val"):
        for label in ("cat", "dog"):
            own_data.images(tmp_path / split / label, 2)
    made = make.make(tmp_path)
    assert made.path == tmp_path / "faces.csv"
    table = rows(made.path)
    assert list(table[0]) == ["image", "caption", "age", "gender", "label", "split"]
    assert [(r["image"], r["label"], r["split"]) for r in table][::3] == [
        ("train/cat/00.jpg", "cat", "train"),
        ("train/dog/01.jpg", "dog", "train"),
        ("val/dog/00.jpg", "dog", "validation"),
    ]


def test_hidden_files_and_names_that_no_table_holds_are_left_out(tmp_path):
    own_data.images(tmp_path, 1)
    (tmp_path / "._00.jpg").touch()
    (tmp_path / ".trash").mkdir()
    (tmp_path / ".trash" / "1.jpg").touch()
    with open(os.fsencode(tmp_path) + b"/caf\xe9.jpg", "wb"):
        made = make.make(tmp_path)
    assert [row["image"] for row in rows(made.path)] == ["00.jpg"]
    assert made.left_out == {"'caf\\udce9.jpg'": "the name is no UTF-8; rename the file"}


def test_what_cannot_be_made_is_refused(tmp_path):
    with pytest.raises(UserError, match="nowhere: no such folder"):
        make.make(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"no image \(\.jpg"):
        make.make(tmp_path)
    own_data.images(tmp_path / "photos", 1)
    with pytest.raises(UserError, match=r"faces\.txt: the name of a table ends in \.csv"):
        make.make(tmp_path / "photos", tmp_path / "photos" / "faces.txt")
    with pytest.raises(UserError, match="a table lies in the folder of the images"):
        make.make(tmp_path / "photos", tmp_path / "other" / "faces.csv")
    (tmp_path / "photos" / "faces.csv").write_text("mine")
    with pytest.raises(UserError, match=r"faces\.csv: already there; delete it, or name another file"):
        make.make(tmp_path / "photos")
    assert (tmp_path / "photos" / "faces.csv").read_text() == "mine"
