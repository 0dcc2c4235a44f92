"""A check names everything that is wrong at once."""

import own_data
import pytest
from PIL import Image

from t2f_jax.data.datasets.own import check


def test_data_without_a_fault(tmp_path):
    report = check.check(own_data.write_csv(tmp_path), {})
    assert report.problems == [] and sum(report.splits.values()) == own_data.COUNT and all(report.splits.values())
    assert report.is_fine and report.labelled == own_data.COUNT
    assert report.captions == 40 and report.layout == "CSV table"
    assert report.notes == ["nothing says which faces are train, validation, test: a hash of their names decides"]
    assert [(c.name, c.role) for c in report.columns][:2] == [("caption", "caption"), ("age", "attribute")]


def test_all_that_is_wrong_is_named_at_once(tmp_path):
    """Every kind of broken file: cut short, none, empty, CMYK, 16 bits, animated, too large, outside, a loop."""
    own_data.write_csv(tmp_path, 20)
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "00.jpg").read_bytes()[:300])
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "empty.jpg").touch()
    Image.new("CMYK", (20, 20)).save(tmp_path / "cmyk.jpg")
    Image.new("I;16", (20, 20)).save(tmp_path / "deep.png")
    Image.new("P", (20, 20)).save(tmp_path / "moves.gif", save_all=True, append_images=[Image.new("P", (20, 20), 1)])
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    good = ["cmyk.jpg", "deep.png", "moves.gif"]
    bad = ["cut.jpg", "text.jpg", "empty.jpg", "loop.jpg", "../outside.jpg", "nowhere.jpg"]
    with (tmp_path / "faces.csv").open("a") as file:
        file.writelines(f"{name},,,,,\n" for name in [*good, *bad])
    report = check.check(tmp_path, {})
    lines = {int(problem["where"].rpartition(" ")[2]): problem["why"] for problem in report.problems}
    assert sorted(lines) == [25, 26, 27, 28, 29, 30]
    assert (
        "cut.jpg: not a readable image" in lines[25]
        and "not a readable image" in lines[26]
        and "lies outside" in lines[29]
    )
    assert report.notes[1:] == ["3 faces (cmyk.jpg, ...) without a caption and a label"]
    assert not report.is_fine and report.labelled == 20
    quick = check.check(tmp_path, {}, decode=False)
    assert [problem["where"] for problem in quick.problems] == [f"faces.csv, line {k}" for k in (28, 29, 30)]


def test_an_image_too_large_for_memory_is_a_problem_not_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    report = check.check(own_data.write_csv(tmp_path, 3), {})
    assert len(report.problems) == 3 and "decompression bomb" in report.problems[0]["why"].lower()
    assert report.splits == {"train": 0, "validation": 0, "test": 0}
    assert "no face is test: each split needs one" in report.notes


def test_images_without_a_row_are_noted_apart_from_those_whose_row_is_left_out(tmp_path):
    own_data.write_csv(tmp_path, 9)
    own_data.images(tmp_path / "more", 3)
    with (tmp_path / "faces.csv").open("a") as file:
        file.write("more/01.jpg,A man.,about 75,,,\n")
    report = check.check(tmp_path, {})
    assert report.notes[1:] == [
        "1 image (more/01.jpg) whose row is left out",
        "2 images (more/00.jpg, ...) without a row",
    ]
    assert "'about 75'" in report.problems[0]["why"]


def test_rows_whose_captions_say_nothing_are_named(tmp_path):
    own_data.images(tmp_path, 14)
    silent = "".join(f"{k:02}.jpg,{'NA' if k % 2 else '-'}\n" for k in range(12))
    (tmp_path / "faces.csv").write_text("image,caption\n" + silent + "12.jpg,A man.\n13.jpg,A girl.\n")
    report = check.check(tmp_path, {})
    assert report.problems == [] and report.captions == 2 and len(report.silent) == 12
    (note,) = [note for note in report.notes if "say nothing" in note]
    assert "left out: faces.csv, line 2 ('-'), faces.csv, line 3 ('NA')," in note and note.endswith("and 2 rows more")


def test_faces_of_which_nothing_is_said_are_not_fine(tmp_path):
    own_data.images(tmp_path, 5)
    (tmp_path / "faces.csv").write_text("image,caption,age\n" + "".join(f"{k:02}.jpg,,\n" for k in range(5)))
    report = check.check(tmp_path, {})
    assert report.problems == [] and report.labelled == 0 and not report.is_fine
    (tmp_path / "faces.csv").write_text("image,caption,age\n" + "".join(f"{k:02}.jpg,,{k or ''}\n" for k in range(5)))
    report = check.check(tmp_path, {})
    assert report.labelled == 4 and report.is_fine


@pytest.mark.parametrize("layout", ["webdataset", "saved"])
def test_a_broken_image_inside_another_file_is_named(tmp_path, layout, monkeypatch):
    scratch = tmp_path / "scratch"
    images = own_data.images

    def broken(folder, count=own_data.COUNT):
        found = images(folder, count)
        found[7].write_bytes(b"no image")
        return found

    monkeypatch.setattr(own_data, "images", broken)
    write = {"webdataset": own_data.write_shards, "saved": own_data.write_saved}[layout]
    report = check.check(write(tmp_path / "data", scratch), {})
    where = {"webdataset": "faces-000001.tar, 07", "saved": "data-00000-of-00001.arrow, row 8"}[layout]
    assert [problem["where"] for problem in report.problems] == [where]
    assert "07.jpg: not a readable image" in report.problems[0]["why"]
