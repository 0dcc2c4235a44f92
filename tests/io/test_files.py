"""Files and folders that are whole or absent."""

import pytest

from t2f_jax.errors import UserError
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


def test_json_that_is_missing_or_broken_is_named(tmp_path):
    with pytest.raises(UserError, match=r"a\.json: the record is missing"):
        files.read_json(tmp_path / "a.json", "the record")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(UserError, match=r"a\.json: the record is broken"):
        files.read_json(tmp_path / "a.json", "the record")
