"""A folder of faces: whose it is, what is refused, and what is deleted."""

import pytest

from t2f_jax.errors import UserError
from t2f_jax.inference import face_folder
from t2f_jax.io.files import write_json

ASKED = {"prompt": "a man", "seed": 0, "keep": None, "n": 2}


@pytest.fixture
def folder(tmp_path):
    """What a generation of `ASKED` leaves, with a file that is not its own."""
    for name in ("face-000000.png", "face-000001.png", "grid.png", "mine.png"):
        (tmp_path / name).write_bytes(name.encode())
    write_json(tmp_path / "request.json", ASKED)
    return tmp_path


def test_the_same_request_and_more_of_its_faces_go_on(folder):
    face_folder.check(folder, ASKED)
    face_folder.check(folder, {**ASKED, "n": 5})
    face_folder.check(folder / "nowhere", ASKED)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prompt": "a woman"}, "prompt: 'a man', now 'a woman'"),
        ({"n": 1}, "n: 2, now 1"),
        ({"keep": 1, "n": 4}, "keep: None, now 1"),
        ({"vary": "abc"}, "vary: None, now 'abc'"),
    ],
)
def test_another_request_is_refused(folder, change, told):
    with pytest.raises(UserError, match="holds faces of another request") as refused:
        face_folder.check(folder, {**ASKED, **change})
    assert told in str(refused.value)


def test_a_prompts_file_and_a_prompt_do_not_share_a_folder(folder, tmp_path):
    with pytest.raises(UserError, match="of a single prompt"):
        face_folder.check(folder, None)
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "manifest.jsonl").touch()
    face_folder.check(tmp_path / "many", None)
    with pytest.raises(UserError, match="of a file of prompts"):
        face_folder.check(tmp_path / "many", ASKED)


@pytest.mark.parametrize("text", ["{", "[]", '{"prompt": "a"}'])
def test_a_broken_request_is_told(folder, text):
    (folder / "request.json").write_text(text)
    with pytest.raises(UserError, match=r"request\.json"):
        face_folder.check(folder, ASKED)


def test_only_what_was_generated_is_deleted(folder):
    face_folder.clear(folder)
    assert [path.name for path in folder.iterdir()] == ["mine.png"]
    (folder / "face-000000.png").touch()
    with pytest.raises(UserError, match="delete them"):
        face_folder.clear(folder)
    with pytest.raises(UserError, match="holds faces but no"):
        face_folder.check(folder, ASKED)
