"""Tables: what is read, and what of a row is wrong."""

import json
import unicodedata

import own_data
import pytest
from faces import save_jpeg

from t2f_jax.data.datasets.own import manifest, source
from t2f_jax.errors import UserError


@pytest.fixture
def folder(tmp_path):
    own_data.images(tmp_path, 3)
    return tmp_path


def read(folder, text, name="faces.csv", image=""):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return manifest.read([folder / name], folder, image)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_of_any_program_is_read(folder, delimiter, encoding):
    lines = ["image,caption,age", '00.jpg,"A café, old",3', "01.jpg,,4", ""]
    text = "\r\n".join(lines).replace(",", delimiter).replace(f"café{delimiter}", "café,")
    table = read(folder, text.encode(encoding))
    assert [(row.id, row.where, row.values["age"]) for row in table.rows] == [
        ("00.jpg", "faces.csv, line 2", "3"),
        ("01.jpg", "faces.csv, line 3", "4"),
    ]
    assert table.rows[0].values["caption"] == "A café, old" and table.broken == {}


@pytest.mark.parametrize("column", ["image", "file_name", "Filename", "path", "Image Path"])
def test_the_column_of_images_has_many_names(folder, column):
    assert [row.id for row in read(folder, f"age,{column}\n3,00.jpg\n").rows] == ["00.jpg"]


def test_a_table_without_a_column_of_images_names_the_nearest(folder):
    with pytest.raises(UserError, match=r"no column 'image' \(is it 'imgage'\? then columns=\"image=imgage\"\)"):
        read(folder, "imgage,age\n00.jpg,3\n")
    assert len(read(folder, "imgage,age\n00.jpg,3\n", image="imgage").rows) == 1


def test_what_is_wrong_with_a_row_is_told(folder):
    (folder / "loop.jpg").symlink_to("loop.jpg")
    outside = folder.parent / "outside.jpg"
    save_jpeg(outside, 1, 20, 20)
    cells = ["nowhere.jpg", "00.png", "../outside.jpg", str(outside), "", "http://a/b.jpg", "loop.jpg", "02.JPG"]
    table = read(folder, "\n".join(["image,age", *(f"{cell},3" for cell in cells), f"{folder}/02.jpg,3", "01.jpg"]))
    whys = [table.broken.get(f"faces.csv, line {line}", "") for line in range(2, 12)]
    for why, words in zip(
        whys,
        (
            "column 'image': 'nowhere.jpg': no such file",
            "'00.png': no such file; there is 00.jpg",
            "'../outside.jpg' lies outside",
            f"'{outside}' lies outside {folder}, the table's folder; put the image inside",
            "it is empty; the path of an image should stand here",
            "is an address; download the image",
            "a link that leads nowhere",
            "'02.JPG': no such file; there is 02.jpg",
            "",
            "1 cells, but the header names 2 columns",
        ),
        strict=True,
    ):
        assert words in why
    assert whys[6].endswith("nowhere"), "and not that there is loop.jpg"
    assert [row.id for row in table.rows] == ["02.jpg"]


def test_images_in_a_folder_below_the_table_are_pointed_at(tmp_path):
    own_data.images(tmp_path / "photos", 2)
    why = read(tmp_path, "File,age\n00.JPG,3\n").broken["faces.csv, line 2"]
    assert why.endswith(f"there is photos/00.jpg: write that, or put the table into {tmp_path}/photos")
    with pytest.raises(UserError, match=r"not one face can be used; faces\.csv, line 2: .* there is photos/00\.jpg"):
        source.read(tmp_path, {"File": "image", "nowhere": "caption"})
    assert len(read(tmp_path / "photos", "File,age\n00.jpg,3\n").rows) == 1


def test_a_table_of_an_old_windows_is_asked_for_as_utf_8(folder):
    why = read(folder, "image,age\nJürgen.jpg,3\n".encode("cp1252")).broken["faces.csv, line 2"]
    assert why == "column 'image': it is no UTF-8; save the table as 'CSV UTF-8'"


def test_json_lines(folder):
    lines = [
        json.dumps({"image": "00.jpg", "attributes": {"hat": True}, "captions": ["a", "b"]}),
        "",
        "{broken",
        "[1]",
        json.dumps({"image": 7}),
    ]
    table = read(folder, "\ufeff" + "\n".join(lines), "faces.jsonl")
    assert [(row.where, row.values) for row in table.rows] == [
        ("faces.jsonl, line 1", {"hat": True, "captions": ["a", "b"]})
    ]
    assert table.broken["faces.jsonl, line 3"].startswith("no JSON (")
    assert "no JSON object; a line should be one" in table.broken["faces.jsonl, line 4"]
    assert "column 'image': it is empty" in table.broken["faces.jsonl, line 5"]


def test_a_broken_parquet_file_is_refused(folder):
    with pytest.raises(UserError, match=r"faces\.parquet: no readable Parquet file"):
        read(folder, b"PAR1 but no more", "faces.parquet")


@pytest.mark.parametrize("written", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_names_in_unicode_are_found_however_they_are_composed(tmp_path, written, stored):
    name = "é 名 😀.jpg"
    save_jpeg(tmp_path / unicodedata.normalize(stored, name), 1, 20, 20)
    table = read(tmp_path, f"image,age\n{unicodedata.normalize(written, name)},3\n")
    assert [row.id for row in table.rows] == [unicodedata.normalize("NFC", name)]


def test_splits_of_folders(tmp_path):
    for split in ("train", "val"):
        save_jpeg(tmp_path / "photos" / split / "1.jpg", 1, 20, 20)
    table = read(tmp_path, "image,age\nphotos/train/1.jpg,3\nphotos/val/1.jpg,4\n")
    assert [(row.id, row.split) for row in table.rows] == [("photos/1.jpg", "train"), ("photos/1.jpg", "validation")]
