import made_up
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import registry
from t2f_jax.errors import UserError


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
