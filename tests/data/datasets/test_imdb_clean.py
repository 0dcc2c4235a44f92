import made_up
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import registry
from t2f_jax.errors import UserError


def open_clean(folder):
    return registry.open_source(SourceConfig(kind="imdb_clean", folder=str(folder)), "faces")


def test_tables_beside_the_crops_in_any_order(tmp_path):
    folder = made_up.make("imdb_clean", tmp_path / "IMDB-clean")
    source = open_clean(folder)
    assert [len(source.split(split)) for split in ("train", "validation", "test")] == [3, 3, 3]
    assert source.id(0) == "00/nm0000000_rm1_1960-2-3_2001.jpg"
    assert source.fields(1)["attributes"] == {"gender": "male", "age": 42}
    assert "the age is '-1'" in source.skipped[0]["why"] and len(source.skipped) == 3
    (folder / "csvs").mkdir()
    for path in (folder / "data/imdb-clean-1024").glob("*.csv"):
        path.rename(folder / "csvs" / path.name)
    assert open_clean(folder).id(0) == source.id(0)


def test_the_face_is_cut_out_with_a_margin(tmp_path):
    source = open_clean(made_up.make("imdb_clean", tmp_path / "IMDB-clean"))
    assert source.signature(0).endswith("(-11.0, -1.0, 61.0, 71.0)")  # 40 px and 40% on each side
    assert source.image(0, 16)[:, 0].max() == 0  # outside of the image


def test_a_box_that_is_none_is_named(tmp_path):
    folder = made_up.make("imdb_clean", tmp_path / "IMDB-clean")
    table = folder / "data/imdb-clean-1024/imdb_test_new_1024.csv"
    table.write_text(table.read_text().replace("10,15,40", "10,,40"))
    with pytest.raises(UserError, match=r"imdb_test_new_1024\.csv, line \d: x_min, y_min, x_max, y_max should be"):
        open_clean(folder)
