import errno
import json
import os
import pathlib
import shutil

import damage
import numpy as np
import pytest
from faces import save_jpeg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from t2f_jax.config.schema import DataConfig, SourceConfig
from t2f_jax.data import augment, pixels
from t2f_jax.data.datasets import registry
from t2f_jax.errors import UserError
from t2f_jax.io.framing import POINTS


@pytest.fixture
def faces(celeba_folder):
    return registry.open_source(SourceConfig(kind="celeba", folder=str(celeba_folder)), "celeba")


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_reads_once_and_reuses(faces, tmp_path, monkeypatch):
    config = DataConfig(image_size=16)
    first = pixels.read_images(faces, "train", config, tmp_path / "cache")
    assert first.images.shape == (8, 16, 16, 3) and first.ids[0] == "000001.jpg" and len(first) == 8
    np.testing.assert_array_equal(first.images[3], faces.image(3, 16))
    monkeypatch.setattr(type(faces), "image", lambda *_: pytest.fail("decoded again"))
    again = pixels.read_images(faces, "train", config, tmp_path / "cache")
    np.testing.assert_array_equal(again.images, first.images)
    assert again.fields == first.fields and again.key == first.key


def test_another_size_crop_or_file_is_another_cache(celeba_folder, faces, tmp_path):
    cache = tmp_path / "cache"
    key = pixels.read_images(faces, "train", DataConfig(image_size=16), cache).key
    assert pixels.read_images(faces, "train", DataConfig(image_size=8), cache).images.shape[1] == 8
    cropped = pixels.read_images(faces, "train", DataConfig(image_size=16, crop=0.5), cache)
    assert cropped.key != key
    save_jpeg(celeba_folder / "img_align_celeba" / "000001.jpg", 99, 50, 60)
    assert pixels.read_images(faces, "train", DataConfig(image_size=16), cache).key != key


def test_corrupt_files_are_skipped_and_listed(celeba_folder, faces, tmp_path):
    truncate(celeba_folder / "img_align_celeba" / "000002.jpg")
    (celeba_folder / "img_align_celeba" / "000005.jpg").write_bytes(b"not an image")
    result = pixels.read_images(faces, "train", DataConfig(image_size=16), tmp_path / "cache")
    assert result.ids == ["000001.jpg", "000003.jpg", "000004.jpg", "000006.jpg", "000007.jpg", "000008.jpg"]
    assert len(result.images) == len(result.fields) == 6
    np.testing.assert_array_equal(result.images[2], faces.image(3, 16))
    listed = [json.loads(line) for line in (tmp_path / "cache" / "skipped.jsonl").read_text().splitlines()]
    assert [item["id"] for item in listed] == ["000002.jpg", "000005.jpg"]
    assert result.skipped == tuple(listed)


def test_one_odd_file_is_a_line_among_the_skipped(celeba_folder, faces, tmp_path, monkeypatch):
    folder, image = celeba_folder / "img_align_celeba", type(faces).image

    def read(self, i, size, framing):
        if i == 3:
            raise ZeroDivisionError("an odd tag")
        return image(self, i, size, framing)

    (folder / "000002.jpg").unlink()
    (folder / "000002.jpg").symlink_to("nowhere")
    (folder / "000005.jpg").unlink()
    (folder / "000005.jpg").mkdir()
    for name in ("000006.jpg", "000007.jpg", "000008.jpg"):
        (folder / name).unlink()
    os.mkfifo(folder / "000006.jpg")
    (folder / "000007.jpg").symlink_to("000007.jpg")
    (folder / "000008.jpg").write_bytes(b"")
    monkeypatch.setattr(type(faces), "image", read)
    result = pixels.read_images(faces, "train", DataConfig(image_size=16), tmp_path / "cache")
    assert [item["id"] for item in result.skipped] == [f"00000{k}.jpg" for k in (2, 4, 5, 6, 7, 8)]
    assert "ZeroDivisionError: an odd tag" in result.skipped[1]["why"] and len(result) == 2


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOTCONN])
@pytest.mark.parametrize("where", ["open", "is_file"])
def test_what_is_no_fault_of_a_file_stops_and_leaves_no_face_out(number, where, faces, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(Image if where == "open" else pathlib.Path, where, fail)
        with pytest.raises(OSError, match=os.strerror(number)):
            faces.image(0, 16)
        patched.setattr(type(faces), "image", fail)
        with pytest.raises(OSError, match=os.strerror(number)):
            pixels.read_images(faces, "train", DataConfig(image_size=16), tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*/meta.json"))
    assert len(pixels.read_images(faces, "train", DataConfig(image_size=16), tmp_path / "cache")) == 8


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("images.npy", lambda data: data[:500]),
        ("images.npy", lambda data: b""),
        ("records.jsonl", lambda data: b"".join(data.splitlines(keepends=True)[:3])),
        ("records.jsonl", lambda data: data[:-5]),
        ("records.jsonl", lambda data: data.replace(b"id", b"\0\0")),
        ("meta.json", lambda data: data.replace(b"8", b"7")),
        ("skipped.jsonl", lambda data: b"\0\n"),
    ],
)
def test_a_damaged_cache_is_made_again_with_a_word(file, damage, faces, tmp_path, capsys):
    config, cache = DataConfig(image_size=16), tmp_path / "cache"
    first = pixels.read_images(faces, "train", config, cache)
    images = np.array(first.images)
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    path = folder / file
    path.write_bytes(damage(path.read_bytes()))
    again = pixels.read_images(faces, "train", config, cache)
    np.testing.assert_array_equal(again.images, images)
    assert (again.ids, again.fields) == (first.ids, first.fields)
    assert "celeba train is read again" in capsys.readouterr().err


def test_an_empty_split_is_told_with_what_to_do(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(type(faces), "split", lambda self, split: [0, 1] if split == "train" else [])
    told = (
        r"none of its 2 faces belongs to the validation split.*data\.sources\.celeba\.weight=0 leaves this dataset out"
    )
    with pytest.raises(UserError, match=told):
        pixels.read_images(faces, "validation", DataConfig(image_size=16), tmp_path)
    with pytest.raises(UserError, match=told):
        pixels.check_splits(faces)


def test_nothing_readable_is_an_error(celeba_folder, faces, tmp_path):
    for name in ("000009.jpg", "000010.jpg"):
        truncate(celeba_folder / "img_align_celeba" / name)
    with pytest.raises(UserError, match="celeba: the validation split has no readable image"):
        pixels.read_images(faces, "validation", DataConfig(image_size=16), tmp_path / "cache")


def test_a_kill_leaves_nothing_that_is_used(faces, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pixels, "_write_lines", killed)
        with pytest.raises(KeyboardInterrupt):
            pixels.read_images(faces, "train", DataConfig(image_size=16), tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*/images.npy"))
    assert len(pixels.read_images(faces, "train", DataConfig(image_size=16), tmp_path / "cache")) == 8


def test_drawing_in_processes_equals_drawing_here(tmp_path, monkeypatch):
    source = registry.open_source(SourceConfig(count=60), "drawn", seed=3)
    monkeypatch.setattr(pixels, "_CHUNK", 4)
    many = pixels.read_images(source, "train", DataConfig(image_size=16), tmp_path / "a")
    assert len(many) == 48
    for i in (0, 17, 47):
        np.testing.assert_array_equal(many.images[i], source.image(i, 16))


@pytest.mark.parametrize("crop", [0.0, 1.5])
def test_crop_out_of_range(faces, tmp_path, crop):
    with pytest.raises(UserError, match=f"data.crop={crop}"):
        pixels.read_images(faces, "train", DataConfig(image_size=16, crop=crop), tmp_path)


def test_views_are_pure_and_differ():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert augment.view(image, 1, 2, 0, True, 0.1) is image
    np.testing.assert_array_equal(augment.view(image, 1, 2, 1, True, 0.0), image[:, ::-1])
    np.testing.assert_array_equal(augment.view(image, 1, 2, 2, True, 0.0), image)
    a, b = augment.view(image, 1, 2, 1, True, 0.1), augment.view(image, 1, 2, 1, True, 0.1)
    np.testing.assert_array_equal(a, b)
    assert a.shape == image.shape and a.dtype == np.uint8
    for other in (
        augment.view(image, 1, 2, 3, True, 0.1),
        augment.view(image, 1, 3, 1, True, 0.1),
        augment.view(image, 2, 2, 1, True, 0.1),
    ):
        assert (other != a).any()


def test_a_jittered_view_shows_the_same_scene():
    y, x = np.mgrid[0:64, 0:64]
    image = np.stack([x * 4, y * 4, 0 * x + 128], -1).astype(np.uint8)
    moved = augment.view(image, 0, 0, 1, False, 0.05)
    difference = np.abs(moved.astype(int) - image).max()
    assert 0 < difference < 64 * 4 * 0.15  # at most shift 0.05 and zoom 0.05 of the gradient, edges repeated
    flat = np.full((16, 16, 3), 77, np.uint8)
    np.testing.assert_array_equal(augment.view(flat, 0, 5, 1, True, 0.3), flat)  # no border comes in


def test_real_images(real_data, tmp_path, monkeypatch):
    source = registry.open_source(SourceConfig(kind="utkface", folder=str(real_data / "UTKFace")), "utkface")
    few = source.split("test")[:5]
    monkeypatch.setattr(source, "split", lambda _: few)
    result = pixels.read_images(source, "test", DataConfig(image_size=64, crop=0.9), tmp_path)
    assert result.images.shape == (5, 64, 64, 3) and not result.skipped


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), part=st.sampled_from(["meta.json", "records.jsonl", "skipped.jsonl", "images.npy"]))
def test_whatever_became_of_kept_pixels_they_are_read_again(faces, tmp_path, data, part):
    config = DataConfig(image_size=16)
    first = pixels.read_images(faces, "train", config, tmp_path / "cache")
    (path,) = (tmp_path / "cache").glob(f"*/{part}")
    whole = path.read_bytes()
    if part == "meta.json":
        path.write_bytes(data.draw(damage.any_json(json.loads(whole))))
    elif part.endswith("jsonl") and whole:
        lines = [data.draw(damage.any_json(json.loads(line))) for line in whole.splitlines()]
        path.write_bytes(b"\n".join(lines) + b"\n")
    else:
        path.write_bytes(data.draw(damage.any_file(whole)))
    again = pixels.read_images(faces, "train", config, tmp_path / "cache")
    assert again.images.shape == first.images.shape and len(again.fields) == len(again.ids) == 8
    shutil.rmtree(tmp_path / "cache")


def test_the_key_knows_framing_and_landmarks(celeba_folder):
    def key(**values):
        source = registry.open_source(SourceConfig(kind="celeba", folder=str(celeba_folder)), "celeba")
        return pixels.pixels_key(source, "test", DataConfig(image_size=16, **values))

    plain, aligned = key(), key(resize="landmarks")
    assert len({plain, aligned, key(resize="squash"), key(filter="lanczos"), key(filter="dct"), key(crop=0.9)}) == 6
    columns = " ".join(f"{point}_{axis}" for point in POINTS for axis in "xy")
    row = "30 40 60 42 45 60 32 80 57 81"
    (celeba_folder / "list_landmarks_align_celeba.txt").write_text(f"{columns}\n000011.jpg {row}\n")
    assert key() == plain and key(resize="landmarks") != aligned
