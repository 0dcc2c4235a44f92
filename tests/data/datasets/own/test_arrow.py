"""Hugging Face datasets: the images inside, names of classes, and what is refused."""

import own_data
import pyarrow as pa
import pyarrow.parquet
import pytest

from t2f_jax.data.datasets.own import arrow
from t2f_jax.errors import UserError


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return own_data.image_table(tmp_path_factory.mktemp("scratch")).slice(0, 6)


def write(folder, table, name="train.parquet"):
    pyarrow.parquet.write_table(table, folder / name, row_group_size=4)
    return [folder / name]


def test_images_and_names_of_classes(tmp_path, table):
    read = arrow.read(write(tmp_path, table), tmp_path)
    assert [row.values["gender"] for row in read.rows[:2]] == ["male", "female"]
    assert (read.rows[5].id, read.rows[5].where, read.rows[5].split) == ("05.jpg", "train.parquet, row 6", "train")
    assert read.rows[5].picture.read(8).shape == (8, 8, 3)
    assert arrow.holds_images(tmp_path / "train.parquet")


def test_a_class_of_minus_one_is_unknown(tmp_path, table):
    column = pa.array([-1] * 6, table.schema.field("gender").type)
    read = arrow.read(
        write(tmp_path, table.set_column(table.schema.get_field_index("gender"), "gender", column)), tmp_path
    )
    assert {row.values["gender"] for row in read.rows} == {None}


def test_plain_bytes_are_images_that_are_called_by_their_rows(tmp_path, table):
    data = [cell["bytes"] for cell in table["image"].to_pylist()]
    read = arrow.read(write(tmp_path, pa.table({"photo": data, "age": [30] * 6})), tmp_path)
    assert read.rows[4].id == "train-000004" and read.rows[4].picture.read(8).shape == (8, 8, 3)


def test_a_row_without_an_image_is_told(tmp_path, table):
    cells = table["image"].to_pylist()
    cells[2], cells[3] = None, {"bytes": None, "path": "gone.jpg"}
    column = pa.array(cells, table.schema.field("image").type)
    read = arrow.read(write(tmp_path, table.set_column(0, "image", column)), tmp_path)
    assert list(read.broken) == ["train.parquet, row 3", "train.parquet, row 4"]
    assert read.broken["train.parquet, row 3"] == "column 'image': no image; its bytes should stand here"
    assert [row.id for row in read.rows] == ["00.jpg", "01.jpg", "04.jpg", "05.jpg"]


def test_several_columns_of_images_must_be_chosen_from(tmp_path, table):
    files = write(tmp_path, table.append_column("mask", table["image"]))
    with pytest.raises(UserError, match=r'2 columns of images; choose one, such as columns="image=image"'):
        arrow.read(files, tmp_path)
    read = arrow.read(files, tmp_path, "mask")
    assert len(read.rows) == 6 and "image" not in read.rows[0].values


def test_a_file_without_images_or_of_another_kind_is_refused(tmp_path):
    files = write(tmp_path, pa.table({"age": [3]}))
    assert not arrow.holds_images(files[0])
    with pytest.raises(UserError, match=r"train\.parquet: no column of images among age"):
        arrow.read(files, tmp_path)
    (tmp_path / "data.arrow").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"data\.arrow: cannot be read"):
        arrow.read([tmp_path / "data.arrow"], tmp_path)
