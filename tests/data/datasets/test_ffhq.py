import json

import made_up
import numpy as np
import pytest
from PIL import Image

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import registry
from t2f_jax.errors import UserError
from t2f_jax.io.framing import TEMPLATE, Framing


def open_ffhq(folder):
    return registry.open_source(SourceConfig(kind="ffhq", folder=str(folder)), "faces")


def test_labels_and_captions_are_joined_by_number(tmp_path):
    source = open_ffhq(made_up.make("ffhq", tmp_path / "FFHQ"))
    assert [source.id(i) for i in source.split("test")] == ["60000.png", "69999.png"] and source.split("validation")
    assert source.id(0) == "00999.png"
    no_glasses = {"eyeglasses": "no", "sunglasses": "no"}
    assert source.fields(0)["attributes"] == {"gender": "female", "age": "0-2"} | no_glasses
    assert source.fields(1)["attributes"] == {"gender": "male", "age": "3-6", "eyeglasses": "yes", "sunglasses": "no"}
    assert source.fields(2)["attributes"] == {"gender": "female", "age": "10-14", "sunglasses": "yes"}
    assert source.fields(3)["attributes"] == {"gender": "male", "age": "50-69"}
    assert source.fields(9)["attributes"] == {"eyeglasses": "yes", "sunglasses": "no"}  # crowds disagree on the rest
    assert source.fields(2)["captions"] == ["A young woman.", "A woman who smiles."]
    assert source.fields(3)["captions"] == [] and source.image(0, 16).shape == (16, 16, 3)


@pytest.mark.parametrize("place, side", [("images1024x1024", 1024), ("thumbnails128x128", 128)])
def test_landmarks_are_those_of_the_metadata(tmp_path, place, side):
    for number in (0, 1, 60_000):
        made_up.save_jpeg(tmp_path / place / f"{number // 1000 * 1000:05d}/{number:05d}.png", number, side, side)
    points = (made_up.points_of_68() + 0.5) * 8 - 0.5  # in the image of 1024 pixels
    face = {
        "category": "training",
        "metadata": {"photo_title": "{\u00e9"},
        "image": {"face_landmarks": points.tolist()},
    }
    metadata = tmp_path / "ffhq-dataset-v2.json"
    metadata.write_text(json.dumps({"0": face, "60000": face}))
    source = open_ffhq(tmp_path)
    np.testing.assert_allclose(source.landmarks(0), (TEMPLATE + 0.5) * side / 128 - 0.5, atol=1e-3)
    assert source.landmarks(1) is None
    aligned = Framing(2 / 3, "landmarks")
    if side == 128:  # ArcFace's own square lies in the upper left corner
        part = Image.open(tmp_path / place / "00000/00000.png").convert("RGB").crop((0, 0, 112, 112))
        np.testing.assert_allclose(source.image(0, 112, aligned), np.asarray(part), atol=1)
    metadata.write_text(metadata.read_text()[:-40])
    with pytest.raises(UserError, match=r"ffhq-dataset-v2\.json: not FFHQ's metadata, or cut short behind face 0 "):
        open_ffhq(tmp_path).landmarks(0)
    (tmp_path / place).rename(tmp_path / "ffhq_aging256x256")  # cut otherwise
    assert open_ffhq(tmp_path).landmarks(0) is None


def test_images_alone_in_one_flat_folder(tmp_path):
    folder = made_up.make("ffhq", tmp_path / "FFHQ")
    for path in list(folder.glob("images1024x1024/*/*.png")):
        path.rename(folder / path.name)
    (folder / "ffhq_aging_labels.csv").unlink()
    for sub in folder.glob("images1024x1024/*"):
        sub.rmdir()
    (folder / "images1024x1024").rmdir()
    source = open_ffhq(folder)
    assert source.schema == () and source.fields(0) == {"attributes": {}, "captions": []}
    assert source.split("test") == [80, 81]


def test_a_table_that_a_spreadsheet_changed_is_refused(tmp_path):
    folder = made_up.make("ffhq", tmp_path / "FFHQ")
    table = folder / "ffhq_aging_labels.csv"
    table.write_text(table.read_text().replace("3-6", "6-Mar"))
    with pytest.raises(UserError, match=r"ffhq_aging_labels\.csv, line 3: age_group '6-Mar' should be one of 0-2, 3-6"):
        open_ffhq(folder)


def test_a_folder_without_images_says_how_to_get_them(tmp_path):
    with pytest.raises(UserError, match=r"not one face of FFHQ can be used\. From https://github\.com/NVlabs"):
        open_ffhq(tmp_path)
