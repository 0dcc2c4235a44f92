"""WebDataset shards: keys, fields, and what of a sample is wrong."""

import json
import tarfile

import own_data
import pytest

from t2f_jax.data.datasets.own import shards
from t2f_jax.errors import UserError


@pytest.fixture
def jpeg(tmp_path):
    return own_data.images(tmp_path / "scratch", 1)[0].read_bytes()


def read(tmp_path, files, name="0.tar"):
    with tarfile.open(tmp_path / name, "w") as tar:
        for member, data in files:
            own_data.add(tar, member, data)
    return shards.read([tmp_path / name], tmp_path)


def test_keys_end_at_the_first_dot_and_fields_are_in_any_case(tmp_path, jpeg):
    files = [("./a/7.JPG", jpeg), ("./a/7.Txt", b"One.\nTwo.\n"), ("./a/7.seg.png", jpeg), ("a/8.json", b'{"age": 3}')]
    table = read(tmp_path, [*files, ("a/8.webp", jpeg), ("__note__", b"x"), ("._9.jpg", jpeg)])
    assert [(row.id, row.where, row.values) for row in table.rows] == [
        ("a/7.JPG", "0.tar, a/7", {"caption": "One.\nTwo.\n"}),
        ("a/8.webp", "0.tar, a/8", {"age": 3}),
    ]
    assert table.rows[0].picture.read(8).shape == (8, 8, 3) and table.broken == {}


def test_what_img2dataset_writes_is_read(tmp_path, jpeg):
    about = {"url": "http://x/1.jpg", "caption": "A man.", "key": "000000001", "status": "success", "width": 256}
    files = [("000000001.jpg", jpeg), ("000000001.txt", b"A man."), ("000000001.json", json.dumps(about).encode())]
    assert read(tmp_path, files).rows[0].values == about


def test_a_dot_in_the_name_of_an_image_is_part_of_its_name(tmp_path, jpeg):
    assert read(tmp_path, [("7_0_1.jpg.chip.jpg", jpeg)]).rows[0].id == "7_0_1.jpg.chip.jpg"


def test_what_is_wrong_with_a_sample_is_told(tmp_path, jpeg):
    files = [("1.txt", b"A man."), ("2.jpg", jpeg), ("2.png", jpeg), ("3.jpg", jpeg), ("3.json", b"{broken")]
    table = read(tmp_path, [*files, ("4.jpg", jpeg), ("4.txt", b"caf\xe9"), ("5.jpg", b"")])
    assert table.broken["0.tar, 1"] == "no image among txt; a sample should have one, such as 1.jpg"
    assert table.broken["0.tar, 2"].startswith("2 images (jpg, png)")
    assert table.broken["0.tar, 3"].startswith("field 'json' cannot be read (")
    assert table.broken["0.tar, 4"].startswith("field 'txt' cannot be read (")
    assert [row.id for row in table.rows] == ["5.jpg"]
    with pytest.raises(UserError, match=r"0\.tar, 5\.jpg: the image is empty"):
        table.rows[0].picture.read(8)


def test_splits_are_those_of_shards_and_folders(tmp_path, jpeg):
    assert read(tmp_path, [("1.jpg", jpeg)], "val-0.tar").rows[0].split == "validation"
    row = read(tmp_path, [("test/1.jpg", jpeg)]).rows[0]
    assert (row.id, row.split) == ("1.jpg", "test")


@pytest.mark.parametrize("damage", ["cut", "compressed", "none"])
def test_a_shard_that_is_no_whole_tar_file_is_refused(tmp_path, jpeg, damage):
    mode = "w:gz" if damage == "compressed" else "w"
    path = tmp_path / "0.tar"
    with tarfile.open(path, mode) as tar:
        own_data.add(tar, "1.jpg", jpeg)
        own_data.add(tar, "2.jpg", jpeg)
    if damage == "none":
        path.write_bytes(b"<html>too many requests</html>")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: 512 + len(jpeg) - 100])
    with pytest.raises(UserError, match=r"0\.tar: no whole, uncompressed tar file"):
        shards.read([path], tmp_path)
