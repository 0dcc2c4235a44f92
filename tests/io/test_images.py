"""Pictures of every kind become the right pixels; what is no picture is named."""

import numpy as np
import pytest
from PIL import Image

from t2f_jax.errors import UserError
from t2f_jax.io import images

FACE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def test_the_centred_square_is_taken_whole_or_in_part():
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = 200
    assert images.fit(Image.fromarray(image), 10).min() == 200
    assert np.array_equal(images.load_images(FACE[:20, :20], 20)[0], FACE[:20, :20])
    assert images.load_images([FACE, Image.fromarray(FACE)], 8, 0.5).shape == (2, 8, 8, 3)


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


def test_a_png_carries_what_it_is_told(tmp_path):
    images.save_png(tmp_path / "face.png", FACE, {"prompt": "a smiling woman", "seed": "3"})
    with Image.open(tmp_path / "face.png") as image:
        assert image.info["prompt"] == "a smiling woman" and image.info["seed"] == "3"
        assert np.array_equal(np.asarray(image), FACE)
    assert [p.name for p in tmp_path.iterdir()] == ["face.png"]


def test_squash_keeps_all_of_a_picture():
    wide = np.zeros((32, 96, 3), np.uint8)
    wide[:, 80:] = 255
    assert images.load_images(wide, 16)[0, :, -1].max() == 0  # cropped away
    assert (images.load_images(wide, 16, squash=True)[0, :, -1] == 255).all()
