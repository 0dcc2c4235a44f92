"""Pictures of every kind become the right pixels; what is no picture is named."""

import contextlib
import io
import os
import struct

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from t2f_jax.errors import UserError, WrongArgument
from t2f_jax.io import images
from t2f_jax.io.framing import Framing, fit

SQUASH = Framing(resize="squash")
FACE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def test_the_centred_square_is_taken_whole_or_in_part():
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = 200
    assert fit(Image.fromarray(image), 10).min() == 200
    assert np.array_equal(images.load_images(FACE[:20, :20], 20)[0], FACE[:20, :20])
    assert images.load_images([FACE, Image.fromarray(FACE)], 8, Framing(0.5)).shape == (2, 8, 8, 3)


def test_sixteen_bit_grays_are_scaled(tmp_path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(256, 0)
    Image.fromarray(ramp).save(tmp_path / "gray.png")
    pixels = np.asarray(images.open_image(tmp_path / "gray.png"))
    assert pixels[0, 0].max() == 0 and pixels[0, 255].min() == 255 and abs(pixels.mean() - 127.5) < 1


def test_a_photo_is_turned_the_way_it_was_taken(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # taken sideways
    Image.fromarray(FACE).save(tmp_path / "phone.jpg", exif=exif)
    assert images.open_image(tmp_path / "phone.jpg").size == (20, 30)
    opened = Image.open(tmp_path / "phone.jpg")
    np.testing.assert_array_equal(images.load_images(opened, 8), images.load_images(tmp_path / "phone.jpg", 8))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_as_pillow_turns_it(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a.jpg", "a.png", "a.tif", "a.webp"):
        Image.fromarray(FACE).save(tmp_path / name, exif=exif)
        with Image.open(tmp_path / name) as image:
            turned = np.asarray(ImageOps.exif_transpose(image))
        assert np.array_equal(np.asarray(images.open_image(tmp_path / name)), turned)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("resize", ["crop", "squash"])
def test_a_jpeg_scaled_by_its_decoder_shows_the_same_at_the_same_place(resize, orientation, tmp_path):
    """Sides of which no power of two is a factor; a slope in each colour tells a shift of a tenth of a pixel."""
    y, x = np.mgrid[:293, :331]
    slopes = np.stack([x * 0.75, y * 0.8, 255 - x * 0.4 - y * 0.4], -1).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "face.jpg"
    Image.fromarray(slopes).save(path, quality=100, subsampling=0, exif=exif)
    for size, crop in ((36, 1.0), (36, 0.8), (70, 0.9), (140, 1.0)):
        whole, scaled = (
            images.read_image(path, size, Framing(crop, resize, filter)).astype(int) for filter in ("auto", "dct")
        )
        assert np.abs(whole - scaled).max() <= 3 and np.abs((whole - scaled).mean(axis=(0, 1))).max() < 0.4
        assert np.array_equal(images.load_images([path], size, Framing(crop, resize, "dct"))[0], scaled)


def test_no_other_picture_is_scaled_by_its_decoder(tmp_path, monkeypatch):
    face = Image.fromarray(FACE).resize((60, 41))
    face.save(tmp_path / "face.jpg")
    face.save(tmp_path / "face.png")

    def square(name, size, filter, resize="crop", landmarks=None):
        return images.read_image(tmp_path / name, size, Framing(1.0, resize, filter), landmarks).tolist()

    assert square("face.png", 8, "dct") == square("face.png", 8, "auto")
    assert square("face.jpg", 21, "dct") == square("face.jpg", 21, "auto"), "less than twice as large"
    assert square("face.jpg", 20, "dct") != square("face.jpg", 20, "auto")
    points = np.array([[20, 15], [40, 15], [30, 22], [22, 30], [38, 30.0]])
    aligned = [square("face.jpg", 8, filter, "landmarks", points) for filter in ("auto", "dct")]
    assert aligned[0] == aligned[1], "landmarks are in pixels of the picture"
    data = (tmp_path / "face.jpg").read_bytes()
    with pytest.raises(images.CorruptImage, match="cut: not a readable image"):
        images.read_image(io.BytesIO(data[: len(data) // 2]), 8, Framing(filter="dct"), name="cut")


ODD_TAGS = {  # tag, type, count, value: what `ImageOps.exif_transpose` cannot write again
    "a text as resolution": (0x11A, 2, 3, b"72\0"),
    "a negative short": (0x102, 8, 1, struct.pack("<h", -1)),
    "eight bytes in a tag of two": (0x102, 16, 1, struct.pack("<Q", 2**63)),
    "a maker's name that is a fraction": (0x10F, 5, 1, struct.pack("<2L", 3, 4)),
    "a resolution without a value": (0x11A, 5, 0, b""),
}


def odd_exif(tag, orientation=6):
    """EXIF with an orientation and one more tag."""
    entries, extra = sorted([(0x112, 3, 1, struct.pack("<H", orientation)), tag]), b""
    body = struct.pack("<H", len(entries))
    for number, kind, count, value in entries:
        if len(value) > 4:
            value, extra = struct.pack("<L", 8 + 2 + 12 * len(entries) + 4 + len(extra)), extra + value
        body += struct.pack("<HHL", number, kind, count) + value.ljust(4, b"\0")
    return b"Exif\0\0II" + struct.pack("<HL", 42, 8) + body + struct.pack("<L", 0) + extra


@pytest.mark.parametrize("tag", ODD_TAGS.values(), ids=ODD_TAGS)
def test_odd_tags_beside_the_orientation_do_not_matter(tag, tmp_path):
    Image.fromarray(FACE).save(tmp_path / "plain.png")
    Image.fromarray(FACE).save(tmp_path / "odd.png", exif=odd_exif(tag))
    upright = np.rot90(images.open_image(tmp_path / "plain.png"), -1)
    assert np.array_equal(np.asarray(images.open_image(tmp_path / "odd.png")), upright)
    with Image.open(tmp_path / "odd.png") as opened:
        assert np.array_equal(images.load_images(opened, 20, SQUASH), images.load_images(upright, 20, SQUASH))


def test_metadata_that_cannot_be_read_turn_nothing(tmp_path):
    Image.fromarray(FACE).save(tmp_path / "odd.png", exif=b"Exif\0\0MM\0\xff broken")
    assert np.array_equal(np.asarray(images.open_image(tmp_path / "odd.png")), FACE)


GRAY = np.linspace(0, 255, 400).reshape(20, 20)


@pytest.mark.parametrize(
    ("gray", "name"),
    [
        (GRAY.astype(np.float32), "a.tif"),
        ((GRAY / 255).astype(np.float32), "a.tif"),
        (np.round(GRAY).astype(np.int32), "a.tif"),
        (np.round(GRAY * 257).astype(np.int32), "a.tif"),
        (np.round(GRAY).astype(np.uint16), "a.tif"),
        (np.round(GRAY * 257).astype(np.uint16), "a.tif"),
        (np.round(GRAY * 257).astype(np.uint16), "a.png"),
        (np.round(GRAY * 257).astype(">u2"), "a.tif"),
    ],
    ids=lambda value: f"{value.dtype.str}-to-{value.max():g}" if isinstance(value, np.ndarray) else value,
)
def test_grays_of_any_type_are_scaled_by_their_range(gray, name, tmp_path):
    Image.fromarray(gray).save(tmp_path / name)
    for picture in (tmp_path / name, Image.fromarray(gray)):
        assert np.abs(images.load_images(picture, 20)[0, :, :, 0] - GRAY).max() <= 0.51


@pytest.mark.parametrize("low, high, dtype", [(-1, 1, "f4"), (0, 256, "f4"), (0, 65536, "i4"), (-1, 9, "i4")])
def test_grays_of_an_unknown_range_are_refused(low, high, dtype, tmp_path):
    Image.fromarray(np.linspace(low, high, 400).reshape(20, 20).astype(dtype)).save(tmp_path / "a.tif")
    with pytest.raises(images.CorruptImage, match=rf"a.tif: grays from {low} to {high} have an unknown range"):
        images.open_image(tmp_path / "a.tif")


def test_grays_that_are_no_numbers_are_refused():
    with pytest.raises(images.CorruptImage, match="picture 2: grays from nan to nan"):
        images.load_images([FACE, Image.fromarray(np.full((8, 8), np.nan, np.float32))], 8)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_stands_on_white(mode, tmp_path):
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0)).convert(mode)
    if mode == "P":
        image.info["transparency"] = 0
    image.save(tmp_path / "clear.png")
    assert np.asarray(images.open_image(tmp_path / "clear.png")).min() == 255


@pytest.mark.parametrize("mode", ["L", "CMYK", "1", "HSV"])
def test_other_modes_become_rgb(mode):
    assert images.load_images(Image.fromarray(FACE).convert(mode), 8).shape == (1, 8, 8, 3)


def test_what_is_no_picture_is_named(tmp_path):
    Image.fromarray(FACE).save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    for name in ("cut", "text", "empty"):
        with pytest.raises(images.CorruptImage, match=f"{name}.jpg: not a readable image"):
            images.open_image(tmp_path / f"{name}.jpg")
    with pytest.raises(images.CorruptImage) as told:
        images.open_image(tmp_path / "text.jpg")
    why = "not a readable image (of no kind that is read here); give a whole JPEG, PNG or WebP"
    assert str(told.value) == f"{tmp_path / 'text.jpg'}: {why}"
    (tmp_path / "photo.jpg").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 99)
    (tmp_path / "page.jpg").write_bytes(b"%PDF-1.4\n")
    for name, kind in (("photo", "an HEIC photo"), ("page", "a PDF document")):
        with pytest.raises(images.CorruptImage, match=f"{name}.jpg: .*{kind}"):
            images.open_image(tmp_path / f"{name}.jpg")
    with pytest.raises(UserError, match="no such image file"):
        images.open_image(tmp_path / "absent.jpg")
    with pytest.raises(UserError, match="this is a folder"):
        images.open_image(tmp_path)
    with pytest.raises(UserError, match="must be uint8"):
        images.load_images(FACE.astype(np.float32), 8)
    with pytest.raises(UserError, match="must be uint8"):
        images.load_images(FACE[:0], 8)
    with pytest.raises(UserError, match="no picture is given"):
        images.load_images([], 8)


@pytest.mark.parametrize("kind", ["pipe", "loop", "nowhere", "folder", "zeros", "pointer", "page", "/dev/zero"])
def test_what_lies_in_a_pictures_place_is_told_and_never_waited_for(kind, tmp_path):
    path = tmp_path / "face.png"
    data = {"zeros": bytes(99), "pointer": b"version https://git-lfs.github.com/spec/v1", "page": b" <HTML>"}
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind in data:
        path.write_bytes(data[kind])
    else:
        path.symlink_to({"loop": "face.png"}.get(kind, kind))
    told = {"pipe": "a pipe or a device", "/dev/zero": "a pipe or a device", "folder": "a folder"}
    told |= {"zeros": "nothing but zeros", "pointer": "a pointer of Git LFS", "page": "a web page"}
    with pytest.raises(images.CorruptImage, match=rf"face\.png: .*{told.get(kind, 'this link leads nowhere')}"):
        images.load_images(path, 8)


def test_a_png_carries_what_it_is_told(tmp_path):
    images.save_png(tmp_path / "face.png", FACE, {"prompt": "a smiling woman", "seed": "3"})
    with Image.open(tmp_path / "face.png") as image:
        assert image.info["prompt"] == "a smiling woman" and image.info["seed"] == "3"
        assert np.array_equal(np.asarray(image), FACE)
    images.save_png(tmp_path / "face.png", FACE, {"score": -np.inf, "options": {"guidance": 1.0}})
    with Image.open(tmp_path / "face.png") as image:
        assert image.info["score"] == "null" and image.info["options"] == '{"guidance": 1.0}'
    assert [p.name for p in tmp_path.iterdir()] == ["face.png"]


def test_squash_keeps_all_of_a_picture():
    wide = np.zeros((32, 96, 3), np.uint8)
    wide[:, 80:] = 255
    assert images.load_images(wide, 16)[0, :, -1].max() == 0  # cropped away
    assert (images.load_images(wide, 16, SQUASH)[0, :, -1] == 255).all()


def as_file(face=FACE, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(face).save(file, kind)
    return file


def test_pictures_come_in_any_python_type(tmp_path):
    Image.fromarray(FACE).save(tmp_path / "a.png")
    one = images.load_images(FACE, 8)
    upload = as_file()
    with open(tmp_path / "a.png", "rb") as opened:
        for picture in (str(tmp_path / "a.png"), tmp_path / "a.png", upload, upload, opened, jnp.asarray(FACE)):
            assert np.array_equal(images.load_images(picture, 8), one)
    two = np.concatenate([one, one])
    many = [
        np.stack([FACE, FACE]),
        jnp.stack([FACE, FACE]),
        (FACE for _ in "ab"),
        (upload, FACE),
        {1: FACE, 2: FACE}.values(),
    ]
    many.append(np.array([str(tmp_path / "a.png")] * 2))
    for pictures in many:
        assert np.array_equal(images.load_images(pictures, 8), two)
    assert np.array_equal(images.load_images(tmp_path.glob("*.png"), 8), one)


@pytest.mark.parametrize(
    ("pictures", "words"),
    [
        (None, "picture 1: a picture is .*, got NoneType"),
        (3, "picture 1: a picture is .*, got int"),
        (b"\x89PNG", "picture 1: a picture is .*, got bytes"),
        ([FACE, None], "picture 2: a picture is .*, got NoneType"),
        ([[FACE]], "picture 1: a picture is .*, got list"),
        ([], "no picture is given"),
        (iter(()), "no picture is given"),
        (np.zeros((0, 8, 8, 3), np.uint8), "no picture is given"),
        (FACE[:0], "must be uint8"),
        (FACE[..., 0], "must be uint8"),
        (FACE.astype(np.int64), r"got int64 \(20, 30, 3\)"),
        (jnp.asarray(FACE, jnp.float32), r"got float32 \(20, 30, 3\)"),
        (np.float32(1), r"got float32 \(\)"),
    ],
)
def test_what_is_no_picture_is_refused(pictures, words):
    with pytest.raises(WrongArgument, match=words):
        images.load_images(pictures, 8)


def test_a_broken_picture_in_memory_is_named(tmp_path):
    whole = as_file(kind="JPEG").getvalue()
    with pytest.raises(images.CorruptImage, match="picture 2: not a readable image"):
        images.load_images([FACE, io.BytesIO(whole[: len(whole) // 2])], 8)
    (tmp_path / "cut.jpg").write_bytes(whole[:-40])
    with (
        Image.open(tmp_path / "cut.jpg") as image,
        pytest.raises(images.CorruptImage, match=r"cut\.jpg: not"),
    ):
        images.load_images(image, 8)
    with Image.open(tmp_path / "cut.jpg") as image:
        pass
    with pytest.raises(images.CorruptImage, match=r"cut\.jpg: not"):
        images.load_images(image, 8)


@pytest.mark.parametrize(
    "error", [KeyError("x"), struct.error("x"), RecursionError(), MemoryError(), ZeroDivisionError()]
)
def test_whatever_pillow_raises_names_the_file(error, monkeypatch, tmp_path):
    def fail(*_):
        raise error

    monkeypatch.setattr(images.Image, "open", fail)
    with pytest.raises(images.CorruptImage, match=r"face.png: not a readable image \(.+\); give"):
        images.load_images(tmp_path / "face.png", 8)


KINDS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    cut=st.floats(0, 1),
    exif=st.binary(max_size=60),
)
@pytest.mark.filterwarnings("ignore")
def test_no_bytes_raise_anything_but_user_errors(kind, changes, cut, exif):
    file = io.BytesIO()
    Image.fromarray(FACE).save(file, kind, **({"exif": b"Exif\0\0" + exif} if kind in ("JPEG", "PNG", "WEBP") else {}))
    data = bytearray(file.getvalue())
    for place, value in changes:
        data[int(place * len(data))] = value
    if cut < 0.5:
        del data[int(2 * cut * len(data)) :]
    with contextlib.suppress(UserError):
        assert images.load_images(io.BytesIO(data), 8).shape == (1, 8, 8, 3)


@pytest.mark.parametrize("name", ["a\0b", "\ud800.png", "x" * 300, "x/" * 3000])
def test_a_name_that_no_file_can_have_is_a_pictures_fault(name):
    with pytest.raises(images.CorruptImage, match="not a readable image"):
        images.load_images(name, 8)
