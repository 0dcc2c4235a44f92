"""Uploads, PNG files with their settings, and faces that are half drawn."""

import base64
import io
import json
import os

import numpy as np
import pytest
import small_model
from PIL import Image

from t2f_jax.config.schema import VQGANConfig
from t2f_jax.demo import pictures
from t2f_jax.demo.limits import Limits
from t2f_jax.errors import UserError

LIMITS = Limits(pixels=10_000, upload_bytes=20_000)


@pytest.fixture
def uploads(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    return folder


def save(path, size=(40, 30), **options):
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["face.jpg", "face.png", "face.webp"])
def test_an_upload_is_read_as_the_model_reads_files(model, uploads, name):
    file = save(uploads / name)
    found = pictures.uploaded(uploads, {"path": str(file)})
    np.testing.assert_array_equal(pictures.open_face(model, LIMITS, found), model.images(file)[0])


def test_only_uploads_are_opened(uploads, tmp_path):
    outside = save(tmp_path / "secret.png")
    (uploads / "link.png").symlink_to(outside)
    inside = uploads / "link.png"
    for path in (outside, inside, uploads, uploads / ".." / "secret.png", "/etc/passwd", "http://a.b/c.png", "", "\0"):
        with pytest.raises(UserError, match="not an uploaded picture"):
            pictures.uploaded(uploads, {"path": str(path)})
    for given in ({}, [], "x", 3, {"path": None}, {"path": ["a"]}, {"url": str(outside)}):
        with pytest.raises(UserError, match="not an uploaded picture"):
            pictures.uploaded(uploads, given)
    with pytest.raises(UserError, match="no picture is given"):
        pictures.uploaded(uploads, None)


def test_what_is_too_large_or_no_picture_is_told_without_its_path(model, uploads):
    (uploads / "words.png").write_text("no picture")
    (uploads / "drawing.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (uploads / "empty.png").touch()
    (uploads / "cut.png").write_bytes(save(uploads / "whole.png").read_bytes()[:900])
    Image.new("RGB", (101, 100)).save(uploads / "wide.png")
    save(uploads / "heavy.png", (90, 90))
    save(uploads / "bitmap.bmp")
    wrong = {
        "words.png": "not a readable image",
        "drawing.svg": "not a readable image",
        "empty.png": "not a readable image",
        "cut.png": "not a readable image",
        "bitmap.bmp": "not a readable image",
        "wide.png": "101 x 100 pixels; at most 0.01 million are accepted",
        "heavy.png": "at most 20,000 are accepted",
    }
    for name, message in wrong.items():
        with pytest.raises(UserError, match=message) as caught:
            pictures.open_face(model, LIMITS, uploads / name)
        assert str(uploads) not in str(caught.value)


def test_a_face_in_a_page_holds_its_settings():
    face = Image.new("RGB", (4, 4))
    face.info = {"prompt": "a wömân", "seed": 3, "options": {"guidance": 2.0}}
    kind, _, data = pictures.data_uri(face).partition(",")
    back = Image.open(io.BytesIO(base64.b64decode(data)))
    assert kind == "data:image/png;base64"
    assert (back.info["prompt"], json.loads(back.info["options"])) == ("a wömân", {"guidance": 2.0})


def test_a_half_drawn_face_fills_row_by_row(model):
    codes = np.arange(16, dtype=np.int32)[None]
    whole = model.decode(codes)[0]
    for drawn, rows in ((0, 0), (4, 4), (7, 4), (8, 8), (16, 16)):
        (face,) = pictures.half_drawn(model, codes[:, :drawn])
        assert (face[rows:] == pictures.UNDRAWN).all()
        assert not rows or (face[:rows] != pictures.UNDRAWN).any()
    np.testing.assert_array_equal(face, whole)


def test_a_face_of_several_grids_is_seen_from_the_first_on():
    image = VQGANConfig(**{**small_model.IMAGE.__dict__, "scales": (2, 4)})
    model = small_model.make(image=image)
    codes = np.arange(20, dtype=np.int32)[None] % 16
    (face,) = pictures.half_drawn(model, codes[:, :2])
    assert (face[8:] == pictures.UNDRAWN).all() and (face[:8] != pictures.UNDRAWN).any()
    (coarse,) = pictures.half_drawn(model, codes[:, :4])
    assert (coarse != pictures.UNDRAWN).any(-1)[8:].any()


def test_a_pipe_among_the_uploads_is_never_opened(uploads):
    os.mkfifo(uploads / "pipe.png")
    with pytest.raises(UserError, match="not an uploaded picture"):
        pictures.uploaded(uploads, {"path": str(uploads / "pipe.png")})
