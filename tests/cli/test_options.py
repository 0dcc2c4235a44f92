"""Types of arguments: where paths lie, and what is wrong with them."""

import argparse
import os
import pathlib

import pytest

from t2f_jax.cli import options
from t2f_jax.errors import UserError


def test_a_local_path_is_what_was_given(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert options.readable("a/./b.png").path() == pathlib.Path("a/b.png")
    assert str(options.readable("a/./b.png")) == "a/./b.png", "it is told as it was given"
    assert options.readable("~/face.png").path() == options.writable_file("~/face.png").path == tmp_path / "face.png"
    assert options.writable_folder("run").path == options.writable_folder("run").origin == pathlib.Path("run")


@pytest.mark.parametrize("place", ["{}", "gs://b"])
def test_the_folder_of_a_run_stands_for_its_model(place, bucket, tmp_path):
    place = place.format(tmp_path)
    model = options.writable_folder(f"{place}/run/model")
    model.path.mkdir(parents=True)
    (model.path / "config.json").write_text("1")
    model.run.publish()
    for text in (f"{place}/run", f"{place}/run/", f"{place}/run/model"):
        found = options.model_folder(text).path()
        assert found.name == "model" and (found / "config.json").read_text() == "1", text
    assert str(options.model_folder(f"{place}/run")) == f"{place}/run", "it is told as it was given"
    inner = options.writable_folder(f"{place}/run/model/model")  # a model folder is one, whatever lies in it
    inner.path.mkdir()
    (inner.path / "config.json").write_text("2")
    inner.run.publish()
    assert (options.model_folder(f"{place}/run/model").path() / "config.json").read_text() == "1"
    assert options.model_folder("x" * 300).path() == pathlib.Path("x" * 300)


def test_an_address_is_told_as_it_was_given(bucket):
    out = options.writable_folder("gs://b/runs/faces/")
    assert str(out) == "gs://b/runs/faces" and out.path.name == "faces" and not out.path.exists()
    for kind in (options.readable, options.writable_file, options.writable_folder):
        with pytest.raises(argparse.ArgumentTypeError, match="s3://b/x: an address must look like gs://BUCKET/FOLDER"):
            kind("s3://b/x")


@pytest.mark.parametrize("place", ["{}", "gs://b"])
def test_a_file_is_not_a_folder_and_a_new_folder_is_new(place, bucket, tmp_path):
    place = place.format(tmp_path)
    file = options.writable_file(f"{place}/answers/a.json")
    file.file("--json").write_text("1")
    file.run.publish()
    with pytest.raises(UserError, match="answers: this is a folder; --json takes a file"):
        options.writable_file(f"{place}/answers").file("--json")
    for there in ("answers", "answers/a.json"):
        with pytest.raises(UserError, match=f"{there}: exists and is not an empty folder; choose another --out"):
            options.writable_folder(f"{place}/{there}").new_folder()
    assert options.writable_folder(f"{place}/new").new_folder().name == "new"


def test_an_empty_folder_is_as_good_as_a_new_one(tmp_path):
    assert options.writable_folder(str(tmp_path)).new_folder() == tmp_path


def test_an_output_that_cannot_be_written_is_told_at_the_start(tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(UserError, match="file: a file is there already; name a folder"):
        options.writable_folder(f"{tmp_path}/file").check()
    for kind in (options.writable_file, options.writable_folder):
        with pytest.raises(UserError, match="file is not a folder; name another place"):
            kind(f"{tmp_path}/file/below").check()
    options.writable_file(f"{tmp_path}/file").check()
    options.writable_folder(f"{tmp_path}/new/folder").check()
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "kept"


def test_what_is_there_after_a_stop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out, file = options.writable_folder("run"), options.writable_file("a.json")
    assert (out.contents(), file.contents()) == ("nothing is in run", "a.json was not written")
    (out.path / "images").mkdir(parents=True)
    assert out.contents() == "nothing is in run", "empty folders are nothing"
    (out.path / "images" / "images.npy").touch()
    file.path.touch()
    assert (out.contents(), file.contents()) == ("", "")
    for name in ("face-1.png", "face-2.png", "grid.png", ".face-3.png.7.partial"):
        (out.path / name).touch()
    assert out.contents() == out.faces() == "2 faces in run"
    (out.path / "checkpoints" / "30").mkdir(parents=True)
    assert out.contents() == f"the same command resumes from {pathlib.Path('run/checkpoints/30')}"


def test_a_folder_that_is_changed_comes_whole(bucket):
    with pytest.raises(UserError, match="gs://b/e: there is nothing there"):
        options.writable_folder("gs://b/e").download()
    out = options.writable_folder("gs://b/e")
    (out.path / "results").mkdir(parents=True)
    (out.path / "results" / "a").write_text("1")
    out.run.publish()
    (out.path / "results" / "a").unlink()
    assert (out.download() / "results" / "a").read_text() == "1"


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        (options.positive, "0", "a whole number from 1 on, got '0'"),
        (options.positive, "two", "a whole number from 1 on, got 'two'"),
        (options.natural, "-1", "a whole number from 0 on, got '-1'"),
        (options.tolerance, "nan", "a number from 0 on, got 'nan'"),
        (options.tolerance, "-1", "a number from 0 on, got '-1'"),
        (options.tolerance, "inf", "a number from 0 on, got 'inf'"),
    ],
)
def test_a_number_that_is_out_of_range_is_told(kind, text, told):
    with pytest.raises(argparse.ArgumentTypeError, match=told):
        kind(text)


def test_numbers():
    assert (options.positive("3"), options.natural("0"), options.tolerance("1e-4")) == (3, 0, 1e-4)


def test_a_path_is_not_empty():
    for kind in (options.readable, options.writable_file, options.writable_folder):
        with pytest.raises(argparse.ArgumentTypeError, match="an empty path; name a file or folder"):
            kind("")


@pytest.mark.parametrize("name", ["a" * 300, "a/" * 3000])
def test_a_name_that_is_too_long_is_told_at_the_start(name, tmp_path):
    for kind in (options.writable_file, options.writable_folder):
        out = kind(f"{tmp_path}/{name}")
        with pytest.raises(OSError, match="too long"):
            out.check()
        assert out.contents()


def test_a_device_is_written_as_it_is():
    options.writable_file(os.devnull).check()
