"""What lies at a path is found by looking."""

import own_data
import pytest

from t2f_jax.data.datasets.own import layouts
from t2f_jax.errors import UserError


@pytest.mark.parametrize(
    ("write", "called"),
    [
        (own_data.write_csv, "CSV table"),
        (own_data.write_json_lines, "JSON lines table"),
        (own_data.write_parquet_table, "Parquet table"),
        (own_data.write_imagefolder, "JSON lines table"),
        (lambda p: own_data.write_shards(p, p.parent / "s"), "WebDataset (2 shards)"),
        (lambda p: own_data.write_image_parquet(p, p.parent / "s"), "Hugging Face dataset (Parquet)"),
        (lambda p: own_data.write_saved(p, p.parent / "s"), "Hugging Face dataset (Arrow)"),
    ],
)
def test_a_layout_is_known_by_its_files(tmp_path, write, called):
    table = layouts.read(write(tmp_path / "data"), {})
    assert table.layout == called and len(table.rows) == own_data.COUNT and table.broken == {}


def test_a_file_may_be_named_itself(tmp_path):
    own_data.write_csv(tmp_path, 3)
    (tmp_path / "old.csv").write_text("image,age\n00.jpg,3\n")
    assert len(layouts.read(tmp_path / "old.csv", {}).rows) == 1
    with pytest.raises(UserError, match=r"2 tables \(faces\.csv, old\.csv\); give the path of the one to read"):
        layouts.read(tmp_path, {})
    (tmp_path / "old.csv").rename(tmp_path / "metadata.csv")
    assert len(layouts.read(tmp_path, {}).rows) == 1


def test_tables_of_splits_are_read_together(tmp_path):
    own_data.write_csv(tmp_path, 3, "train.csv")
    (tmp_path / "test.csv").write_text("image,age\n00.jpg,3\n")
    table = layouts.read(tmp_path, {})
    assert table.layout == "CSV tables (2 files)"
    assert sorted((row.split, row.where) for row in table.rows)[0] == ("test", "test.csv, line 2")


def test_rows_of_tables_of_one_name_are_told_apart(tmp_path):
    for split in ("train", "test"):
        own_data.write_csv(tmp_path / split, 3, "metadata.csv")
        with (tmp_path / split / "metadata.csv").open("a") as file:
            file.write("nowhere.jpg,,,,,\n00.jpg,too,many,cells,in,this,row\n")
    table = layouts.read(tmp_path, {})
    assert sorted(table.broken) == [f"{split}/metadata.csv, line {k}" for split in ("test", "train") for k in (5, 6)]
    assert len({row.where for row in table.rows}) == 6


def test_what_cannot_be_read_says_what_should_lie_there(tmp_path):
    with pytest.raises(UserError, match=r"nowhere: no such file or folder; a table \(\.csv"):
        layouts.read(tmp_path / "nowhere", {})
    with pytest.raises(UserError, match="no data; a table"):
        layouts.read(tmp_path, {})
    (tmp_path / "photos.zip").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"photos\.zip is still packed: unpack it"):
        layouts.read(tmp_path, {})
    (tmp_path / "photos.zip").unlink()
    own_data.images(tmp_path, 1)
    with pytest.raises(UserError, match=r"images, but no table .*; `t2f data make .*` writes a first one"):
        layouts.read(tmp_path, {})
    with pytest.raises(UserError, match=r"00\.jpg: no data; a table"):
        layouts.read(tmp_path / "00.jpg", {})
