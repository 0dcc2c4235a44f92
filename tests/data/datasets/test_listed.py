import pathlib

import numpy as np
import pytest
from faces import save_jpeg
from PIL import Image

from t2f_jax.data.datasets import base, listed, utkface
from t2f_jax.errors import UserError

DATASET = utkface.DATASET


def face(folder, id, split="train", box=None):
    return listed.Face(id, folder / id, {"attributes": {"age": len(id)}, "captions": []}, split, box)


def test_a_list_is_a_source(tmp_path):
    for k, id in enumerate(("a/1.jpg", "a/2.jpg", "b/1.jpg")):
        save_jpeg(tmp_path / id, k, 40, 30)
    rows = [face(tmp_path, "a/1.jpg"), face(tmp_path, "a/2.jpg", "test"), face(tmp_path, "b/1.jpg")]
    source = listed.Listed("own", DATASET, rows, {"x.jpg": "no label"})
    assert [source.split(split) for split in base.SPLITS] == [[0, 2], [], [1]]
    assert [source.id(i) for i in range(3)] == ["a/1.jpg", "a/2.jpg", "b/1.jpg"]
    assert source.image(2, 16).shape == (16, 16, 3)
    assert source.fields(1)["attributes"] == {"age": 7}
    assert source.skipped == [{"id": "x.jpg", "why": "no label"}] and source.schema == DATASET.schema


def test_an_absent_file_is_left_out_and_listed(tmp_path):
    save_jpeg(tmp_path / "1.jpg", 1, 20, 20)
    source = listed.Listed(
        "own", DATASET, [face(tmp_path, "0.jpg"), face(tmp_path, "1.jpg"), face(tmp_path, "no/2.jpg")]
    )
    assert source.split("train") == [0] and source.id(0) == "1.jpg"
    assert [each["id"] for each in source.skipped] == ["0.jpg", "no/2.jpg"]
    assert source.skipped[0]["why"].endswith("0.jpg: no such file")


def test_a_list_without_a_face_says_how_to_get_the_set(tmp_path):
    with pytest.raises(UserError, match=r"not one face of UTKFace can be used; .*0\.jpg: no such file\. From https"):
        listed.Listed("own", DATASET, [face(tmp_path, "0.jpg")])


def test_two_faces_of_one_name_are_refused(tmp_path):
    save_jpeg(tmp_path / "1.jpg", 1, 20, 20)
    with pytest.raises(UserError, match=r"two faces are called 1\.jpg"):
        listed.Listed("own", DATASET, [face(tmp_path, "1.jpg")] * 2)


def test_a_box_is_cut_out_and_is_part_of_the_signature(tmp_path):
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:20, 30:40] = 255
    Image.fromarray(pixels).save(tmp_path / "1.png")
    rows = [face(tmp_path, "1.png", box=box) for box in (None, (30, 10, 40, 20), (50, 0, 70, 20), (5, 5, 5, 9))]
    whole, exact, outside, empty = (listed.Listed("own", DATASET, [row]) for row in rows)
    assert exact.image(0, 8).min() == 255 and outside.image(0, 8).max() == 0
    assert len({source.signature(0) for source in (whole, exact, outside, empty)}) == 4
    with pytest.raises(UserError, match=r"1\.png: no pixel lies in its box"):
        empty.image(0, 8)


def test_find_names_the_places_and_what_is_still_packed(tmp_path):
    (tmp_path / "Anno").mkdir()
    (tmp_path / "Anno/labels.txt").touch()
    assert listed.find(tmp_path, DATASET, "labels.txt", "Anno/labels.txt") == tmp_path / "Anno/labels.txt"
    (tmp_path / "UTKFace.tar.gz").touch()
    with pytest.raises(UserError, match=r"no faces or Img/faces, which UTKFace .* UTKFace\.tar\.gz is still packed"):
        listed.find(tmp_path, DATASET, "faces", "Img/faces")


def test_images_are_known_by_their_stem(tmp_path):
    for name in ("2.JPG", "10.jpg", "a.jpg.chip.jpg", "b.PNG", "c.txt"):
        (tmp_path / name).touch()
    assert {stem: path.name for stem, path in listed.images_in(tmp_path).items()} == {
        "10": "10.jpg",
        "2": "2.JPG",
        "a.jpg.chip": "a.jpg.chip.jpg",
        "b": "b.PNG",
    }
    assert listed.images_in(pathlib.Path("nowhere")) == {}
