import made_up
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import registry
from t2f_jax.errors import UserError


def open_fairface(folder):
    return registry.open_source(SourceConfig(kind="fairface", folder=str(folder)), "faces")


def test_ages_are_ranges_and_val_is_the_test(tmp_path):
    source = open_fairface(made_up.make("fairface", tmp_path / "FairFace"))
    assert len(source.split("test")) == 9 and source.split("validation")
    i = source.split("test")[0]
    assert source.id(i) == "val/1.jpg"
    assert source.fields(i)["attributes"] == {"gender": "male", "ethnicity": "black", "age": "3-9"}
    assert source.fields(i + 7)["attributes"] == {"gender": "female", "ethnicity": "white", "age": "70+"}
    assert "ethnicity" not in source.fields(i + 6)["attributes"]
    assert source.fields(i + 2)["attributes"]["ethnicity"] == source.fields(i + 3)["attributes"]["ethnicity"] == "asian"
    assert [each["id"] for each in source.skipped] == ["train/41.jpg", "val/10.jpg"]
    assert source.image(0, 16).shape == (16, 16, 3)


def test_a_table_that_a_spreadsheet_changed_is_refused(tmp_path):
    folder = made_up.make("fairface", tmp_path / "FairFace")
    table = folder / "fairface_label_train.csv"
    table.write_text(table.read_text().replace("10-19", "19-Oct"))
    with pytest.raises(UserError, match=r"fairface_label_train\.csv, line 3: age '19-Oct' .* spreadsheets"):
        open_fairface(folder)


def test_images_may_lie_in_the_folder_itself(tmp_path):
    folder = made_up.make("fairface", tmp_path / "FairFace")
    for part in ("train", "val"):
        (folder / "fairface-img-margin025-trainval" / part).rename(folder / part)
    (folder / "fairface-img-margin025-trainval").rmdir()
    assert len(open_fairface(folder).split("test")) == 9
