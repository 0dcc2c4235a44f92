"""Files and folders that are whole or absent."""

import errno
import itertools
import json
import math
import os
import pathlib
import threading

import pytest

from t2f_jax.errors import DiskFull, UserError
from t2f_jax.io import files


def test_text_and_json_are_whole(tmp_path):
    files.write_json(tmp_path / "new" / "a.json", {"name": "Zoë", "n": [1, 2]})
    assert (tmp_path / "new" / "a.json").read_text(encoding="utf-8").endswith("\n")
    assert files.read_json(tmp_path / "new" / "a.json", "the record") == {"name": "Zoë", "n": [1, 2]}
    files.write_bytes(tmp_path / "new" / "a.json", b"\0")
    assert (tmp_path / "new" / "a.json").read_bytes() == b"\0"
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.json"]


@pytest.mark.parametrize("many_writers", [False, True])
def test_a_file_keeps_its_old_text_when_writing_fails(tmp_path, many_writers):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.whole_file(path, many_writers) as partial:
        partial.write_text("ne")
        assert path.read_text() == "old"
        raise RuntimeError
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "model"
    for text in ("1", "2"):
        with files.whole_folder(folder) as partial:
            (partial / "a").write_text(text)
            assert folder.exists() == (text == "2")
    with pytest.raises(RuntimeError), files.whole_folder(folder) as partial:
        (partial / "a").write_text("3")
        raise RuntimeError
    assert (folder / "a").read_text() == "2" and [p.name for p in tmp_path.iterdir()] == ["model"]


def test_json_holds_no_nan(tmp_path):
    figures = {"psnr": math.inf, "interval": (0.5, math.nan), "inner": [{"n": 3, "name": "NaN"}], "none": None}
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "a.json", figures)
    assert not list(tmp_path.iterdir())
    files.write_json(tmp_path / "a.json", files.defined(figures))
    right = {"psnr": None, "interval": [0.5, None], "inner": [{"n": 3, "name": "NaN"}], "none": None}
    assert json.loads((tmp_path / "a.json").read_text()) == right
    assert files.parse_json(b'[NaN, -Infinity, {"a": 1e999}, 1e9]') == [None, None, {"a": None}, 1e9]


def test_json_of_any_unicode_is_read():
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"):
        assert files.parse_json('{"name": "Zoë"}\r\n'.encode(encoding)) == {"name": "Zoë"}
    for level, data in itertools.product((99, 101, 100_000), (b"[%s]", b'{"a": %s}')):
        start, end = data.split(b"%s")
        nested = start * level + b"1" + end * level
        if level < files.DEEPEST:
            files.parse_json(nested)
        else:
            with pytest.raises(ValueError, match="nested too deeply"):
                files.parse_json(nested)


def test_json_that_is_missing_or_broken_is_named(tmp_path):
    with pytest.raises(UserError, match=r"a\.json: the record is missing"):
        files.read_json(tmp_path / "a.json", "the record")
    page, pointer = b"<!DOCTYPE html>", b"version https://git-lfs.github.com/spec/v1\n"
    cut = ((b"{", "Expecting"), (b"\0" * 9, "nothing but zeros"), (b" \n", "it is empty"), (b"", "an empty file"))
    for data, why in (*cut, (page, "a web page"), (pointer, "a pointer of Git LFS")):
        (tmp_path / "a.json").write_bytes(data)
        with pytest.raises(UserError, match=rf"a\.json: the record is broken \({why}"):
            files.read_json(tmp_path / "a.json", "the record")


@pytest.mark.parametrize(
    "full",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
    ],
    ids=["Python", "a library's message"],
)
@pytest.mark.parametrize("whole", [files.whole_file, files.whole_folder])
def test_a_full_disk_is_told_by_the_place_and_leaves_nothing(whole, full, tmp_path):
    with pytest.raises(DiskFull, match="new: No space left on device; free some space"), whole(tmp_path / "new"):
        raise full
    with pytest.raises(RuntimeError, match="another"), whole(tmp_path / "new"):
        raise RuntimeError("another")
    assert list(tmp_path.iterdir()) == []


def test_lines_end_at_line_ends_alone(tmp_path):
    text = "\ufeffa\u2028b\r\nc\u0085\x0bd\re\n"
    (tmp_path / "lines").write_bytes(text.encode() + b"caf\xe9")
    assert files.read_lines(tmp_path / "lines", "file") == ["a\u2028b", "c\u0085\x0bd", "e", "caf\udce9"]
    with pytest.raises(UserError, match="nowhere: no readable file of labels"):
        files.read_lines(tmp_path / "nowhere", "file of labels")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_lines_of_any_marked_unicode_are_read(encoding, tmp_path):
    (tmp_path / "lines").write_bytes("Zoë\r\nb\rc".encode(encoding))
    assert files.read_lines(tmp_path / "lines", "file") == ["Zoë", "b", "c"]


@pytest.mark.parametrize("data", ["a\nb".encode("utf-16-le"), b"a\0b", "ab".encode("utf-16")[:-1], b"\xff\xfe\x00\xd8"])
def test_lines_that_are_no_text_are_told(data, tmp_path):
    (tmp_path / "lines").write_bytes(data)
    with pytest.raises(UserError, match="lines: a file of labels that is no text"):
        files.read_lines(tmp_path / "lines", "file of labels")


def test_a_name_that_is_no_utf8_is_written_and_read_back(tmp_path):
    files.write_json(tmp_path / "a.json", {"file": "caf\udce9.png"})
    assert files.read_json(tmp_path / "a.json", "the answers") == {"file": "caf\udce9.png"}
    assert (tmp_path / "a.json").read_bytes().decode("utf-8")


def test_a_pipe_is_written_through_and_stays(tmp_path):
    """As /dev/null stays a device, whoever writes to it."""
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(json.loads(pipe.read_text())))
    reader.start()
    files.write_json(pipe, {"age": 30})
    reader.join(10)
    assert read == [{"age": 30}] and pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


def test_a_link_stays_one(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "file")
    for text in ("a", "b"):
        files.write_text(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink() and (tmp_path / "elsewhere" / "file").read_text() == text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "link"]


def test_the_null_device_is_no_file_to_be_replaced():
    assert files.is_stream(pathlib.Path(os.devnull)) and not files.is_stream(pathlib.Path(__file__))


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127])
def test_any_name_that_the_disk_takes_can_be_written(name, tmp_path):
    files.write_text(tmp_path / name, "text")
    (tmp_path / name).unlink()
    with files.whole_folder(tmp_path / name) as folder:
        (folder / "a").write_text("1")
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name / "a").is_file()


def test_an_empty_folder_is_filled_where_it_is(tmp_path):
    (tmp_path / "disk" / ".partial" / "of a killed process").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    number = (tmp_path / "disk").stat().st_ino
    with pytest.raises(KeyError), files.whole_folder(tmp_path / "link") as folder:
        (folder / "half").write_text("1")
        raise KeyError
    assert not any((tmp_path / "disk").iterdir())
    for text in ("1", "2"):  # then it is replaced, and the link stays
        with files.whole_folder(tmp_path / "link") as folder:
            (folder / "a").write_text(text)
        assert (tmp_path / "link" / "a").read_text() == text
        assert text == "2" or (tmp_path / "disk").stat().st_ino == number
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "link"] and (tmp_path / "link").is_symlink()
