"""A file of prompts: its lines, the faces of each, and a folder that one process at a time fills."""

import contextlib
import json

import damage
import pytest
import small_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from t2f_jax.errors import UserError
from t2f_jax.inference import prompt_file
from t2f_jax.inference.sampler import Sampler
from t2f_jax.io.locks import held


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"text": "a", "sead": 3}', "unknown key 'sead'; the nearest is 'seed'"),
        ('{"text": "a", "n": 0}', "n=0 must be 1 or more"),
        ('{"text": "a", "n": true}', "n must be of type int"),
        ('{"text": "a"', "broken JSON"),
        ('["a man"]', "a JSON array; write one description"),
        ('"\\ud800"', "is no UTF-8 text"),
    ],
)
def test_a_bad_line_is_named(line, told, tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text(f"a man\n\n{line}\n")
    with pytest.raises(UserError, match="line 3") as caught:
        prompt_file.read_lines(path, 1, 0)
    assert told in str(caught.value)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text('{"text": "a man", "n": 2}', encoding="utf-8-sig")
    assert prompt_file.read_lines(path, 1, 0) == [prompt_file.Line(1, 2, 0, "a man")]


def test_a_line_may_be_a_json_string_and_other_signs_are_text(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text('"a \\"man\\""\n"a man" who smiles\n[a man]\n34\n')
    texts = [line.text for line in prompt_file.read_lines(path, 1, 0)]
    assert texts == ['a "man"', '"a man" who smiles', "[a man]", "34"]
    path.write_text('\n[\n"a man",\n"a woman"\n]\n')
    with pytest.raises(UserError, match="this is one JSON array"):
        prompt_file.read_lines(path, 1, 0)


def test_two_do_not_make_faces_in_one_folder_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(prompt_file, "held", lambda folder: held(folder, patience=0))
    with held(tmp_path), pytest.raises(UserError, match="another run is using"):
        prompt_file.make_faces(small_model.make(), [], Sampler(), tmp_path)


def test_faces_are_planned_line_by_line_and_made_once(tmp_path):
    model, path, out = small_model.make(), tmp_path / "prompts.txt", tmp_path / "out"
    path.write_text('{"text": "a man", "n": 2, "seed": 7}\na man\n')
    out.mkdir()
    faces = prompt_file.plan_faces(path, prompt_file.read_lines(path, 1, 0), model)
    assert [(face.line, face.seed, face.file) for face in faces] == [
        (1, 7, "000001-000007.png"),
        (1, 8, "000001-000008.png"),
        (2, 0, "000002-000000.png"),
    ]
    assert prompt_file.make_faces(model, faces[1:], Sampler(), out) == 2
    assert prompt_file.make_faces(model, faces, Sampler(), out) == 1, "two were there"
    entries = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert [entry["file"] for entry in entries] == [face.file for face in faces]
    with pytest.raises(UserError, match="exists with other options"):
        prompt_file.make_faces(model, faces, Sampler(temperature=0.5), out)


@pytest.fixture(scope="module")
def model():
    return small_model.make()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_are_prompts_or_are_refused(model, tmp_path, data):
    path = tmp_path / "prompts.jsonl"
    line = {"text": "a man", "attributes": {"age": [30, 2]}, "avoid": {"gender": "male"}, "n": 2, "seed": 3}
    path.write_bytes(b"a man\n" + data.draw(damage.any_json(line)) + b"\n" + data.draw(st.binary(max_size=9)))
    with contextlib.suppress(UserError):
        prompt_file.plan_faces(path, prompt_file.read_lines(path, 1, 0), model)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_are_a_manifest(model, tmp_path, data):
    face = prompt_file.Face(1, model.prompt("a man"), 0)
    entry = prompt_file._entry(face, Sampler(), model.hash)
    (tmp_path / face.file).write_bytes(b"")
    (tmp_path / "manifest.jsonl").write_bytes(data.draw(damage.any_json(entry)))
    made = prompt_file._repair_manifest(tmp_path)
    assert prompt_file._repair_manifest(tmp_path) == made
    with contextlib.suppress(UserError):
        prompt_file._check_same(tmp_path, {face.file: entry}, made)


def test_more_faces_than_a_folder_takes_are_refused(tmp_path):
    (tmp_path / "prompts.txt").write_text('{"text": "a man", "n": 4000000000}\n')
    with pytest.raises(UserError, match="it asks for 4000000000 faces"):
        prompt_file.read_lines(tmp_path / "prompts.txt", 1, 0)
