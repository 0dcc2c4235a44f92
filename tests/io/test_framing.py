"""A picture becomes a square: by cropping, as it is, or by its landmarks onto the template; tables of landmarks."""

import numpy as np
import pytest
from PIL import Image

from t2f_jax.errors import UserError, WrongArgument
from t2f_jax.io.framing import POINTS, SIDE, TEMPLATE, WIDER, Framing, fit, read_landmarks, similarity

LANDMARKS = np.array([[120, 150], [180, 158], [148, 190], [120, 220], [170, 226.0]])
ARCFACE = Framing(1 / WIDER, "landmarks")


def smooth(width: int, height: int) -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def test_the_similarity_is_that_of_least_squares():
    transform = pytest.importorskip("skimage.transform")
    turn, shift = similarity(LANDMARKS)
    reference = transform.SimilarityTransform.from_estimate(LANDMARKS, TEMPLATE).params
    np.testing.assert_allclose([turn.real, turn.imag, shift.real, shift.imag], reference[[0, 1, 0, 1], [0, 0, 2, 2]])


def test_at_arcface_s_size_the_square_is_that_of_a_plain_warp():
    transform = pytest.importorskip("skimage.transform")
    image = smooth(300, 360)
    inverse = transform.SimilarityTransform.from_estimate(TEMPLATE, similar(TEMPLATE))
    right = transform.warp(np.asarray(image) / 255, inverse, output_shape=(SIDE, SIDE), order=3)
    for name in ("auto", "bilinear", "lanczos", "box"):
        got = fit(image, SIDE, Framing(1 / WIDER, "landmarks", name), similar(TEMPLATE))
        assert np.abs(got / 255 - right).max() < 0.015, name


def similar(points: np.ndarray) -> np.ndarray:
    """The template somewhere in a picture: half as large again, turned, shifted."""
    z = (points @ (1, 1j)) * 1.5 * np.exp(0.2j) + (90 + 60j)
    return np.stack([z.real, z.imag], 1)


@pytest.mark.parametrize("size", [16, 56, 112, 224])
def test_landmarks_come_to_the_template_whatever_the_size(size):
    pixels = np.zeros((400, 400, 3), np.uint8)
    points = similar(TEMPLATE) + 60
    for x, y in np.round(points).astype(int):
        pixels[y - 3 : y + 4, x - 3 : x + 4] = 255
    square = fit(Image.fromarray(pixels), size, ARCFACE, points)[..., 0].astype(float)
    for x, y in (TEMPLATE + 0.5) * size / SIDE - 0.5:
        left, top = max(0, round(x - size / 16)), max(0, round(y - size / 16))
        part = square[top : round(y + size / 16) + 1, left : round(x + size / 16) + 1]
        rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
        middle = (part * columns).sum() / part.sum() + left, (part * rows).sum() / part.sum() + top
        assert np.hypot(middle[0] - x, middle[1] - y) < max(0.5, 0.5 * size / SIDE), "half a pixel of the template"


def test_what_lies_outside_is_black_and_without_landmarks_a_picture_is_cropped():
    white = Image.new("RGB", (100, 120), "white")
    square = fit(white, 32, Framing(1.0, "landmarks"), LANDMARKS / 2)
    assert square.max() == 255 and square.min() == 0
    image = smooth(90, 60)
    assert np.array_equal(fit(image, 20, Framing(0.8, "landmarks")), fit(image, 20, Framing(0.8)))
    assert np.array_equal(fit(image, 20, Framing(0.8), LANDMARKS / 4), fit(image, 20, Framing(0.8))), "not asked for"


@pytest.mark.parametrize("wrong", [np.zeros((5, 2)), np.full((5, 2), np.nan), LANDMARKS * 1e9, np.full((5, 2), np.inf)])
def test_landmarks_of_no_face_are_refused(wrong):
    with pytest.raises(WrongArgument, match=r"no face in a picture of 90 x 60 pixels; give x and y .* of lefteye"):
        fit(smooth(90, 60), 16, ARCFACE, wrong)


def test_the_filter_is_the_one_that_is_named():
    image = smooth(64, 64)
    for name in ("bicubic", "bilinear", "lanczos", "box"):
        right = np.asarray(image.resize((24, 24), Image.Resampling[name.upper()]))
        assert np.array_equal(fit(image, 24, Framing(1.0, "crop", name)), right)
        assert np.array_equal(fit(image, 24, Framing(1.0, "squash", name)), right)
    assert np.array_equal(
        fit(image, 24, Framing(1.0, "squash")), np.asarray(image.resize((24, 24), Image.Resampling.BILINEAR))
    )


@pytest.mark.parametrize("form", ["celeba", "kaggle", "shuffled"])
def test_tables_of_landmarks(form, tmp_path):
    columns = [f"{point}_{axis}" for point in POINTS for axis in "xy"]
    values = dict(zip(columns, range(10)))
    names = columns[::-1] if form == "shuffled" else columns
    cells = [str(values[name]) for name in names]
    if form == "celeba":
        text = f"1\n{' '.join(names)} \n000001.jpg   {'  '.join(cells)}\n"
    else:
        text = f"image_id,{','.join(names)}\r\n000001.jpg,{','.join(cells)}\r\n"
    (tmp_path / "points").write_text(text)
    ((name, points),) = read_landmarks(tmp_path / "points").items()
    assert name == "000001.jpg" and np.array_equal(points, np.arange(10.0).reshape(5, 2))


def test_broken_tables_of_landmarks_are_named_by_their_line(tmp_path):
    path = tmp_path / "points.csv"
    header = "image," + ",".join(f"{point}_{axis}" for point in POINTS for axis in "xy")
    for text, message in [
        ("image,age\na.jpg,3\n", "line 1: the header should name lefteye_x"),
        ("", "line 1: the header should name"),
        (f"{header}\na.jpg,1,2\n", "line 2: 2 numbers after the file name instead of 10"),
        (f"{header}\na.jpg,{',1' * 9},x\n".replace("a.jpg,,", "a.jpg,"), "line 2: could not convert"),
    ]:
        path.write_text(text)
        with pytest.raises(UserError, match=message):
            read_landmarks(path)
