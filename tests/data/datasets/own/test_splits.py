import pathlib

import pytest

from t2f_jax.data.datasets.own import splits


@pytest.mark.parametrize(
    ("path", "folder", "file"),
    [
        ("train-00000-of-00002.parquet", None, "train"),
        ("val.csv", None, "validation"),
        ("data/Test/0.tar", "test", "test"),
        ("testament.csv", None, None),
        ("valley/faces.csv", None, None),
        ("dev/test-0.tar", "validation", "test"),
        ("0001.tar", None, None),
    ],
)
def test_folders_and_shards_are_called_after_splits(path, folder, file):
    assert splits.of_folder(pathlib.PurePath(path)) == folder
    assert splits.of_file(pathlib.PurePath(path)) == file


def test_an_image_keeps_its_name_wherever_its_split_lies():
    for path in ("a/1.jpg", "train/a/1.jpg", "a/val/1.jpg", "./a/1.jpg"):
        assert splits.without_folder(pathlib.PurePosixPath(path)) == "a/1.jpg"


def test_a_tenth_each_is_dealt_and_a_face_that_comes_later_moves_no_other():
    keys = [str(k) for k in range(1000)]
    dealt = splits.deal(keys, [None] * 1000)
    assert 70 < dealt.count("test") < 130 and 70 < dealt.count("validation") < 130
    assert splits.deal([*keys, "new"], [None] * 1001)[:1000] == dealt


@pytest.mark.parametrize("count", range(3, 9))
def test_few_faces_fill_every_split(count):
    assert set(splits.deal([str(k) for k in range(count)], [None] * count)) == {"train", "validation", "test"}


def test_what_is_said_stays_and_the_rest_is_dealt_from_the_others():
    said = ["test", None, "train", None, "train"]
    dealt = splits.deal(list("abcde"), said)
    assert dealt[0] == "test" and dealt.count("test") == 1 and dealt.count("validation") == 1
    assert splits.deal(list("ab"), ["train", "test"]) == ["train", "test"], "the last one to train on stays"
    assert splits.deal(list("abc"), ["train", "validation", "test"]) == ["train", "validation", "test"]


def test_the_faces_of_a_person_stay_together():
    keys = [str(k % 40) for k in range(400)]
    dealt = splits.deal(keys, [None] * 400)
    assert len(set(zip(keys, dealt))) == 40 and set(dealt) == {"train", "validation", "test"}
