import made_up
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, celeba, registry, tfds_records
from t2f_jax.errors import UserError


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def folder(request, tmp_path_factory):
    """A folder that holds TFDS's celeb_a with a few made-up faces, prepared by TFDS."""
    folder = tmp_path_factory.mktemp(request.param)
    made_up.celeb_a(folder / "celeb_a", request.param)
    return folder


def open_celeb_a(folder):
    return registry.open_source(SourceConfig(kind="celeb_a", folder=str(folder)), "faces")


def test_what_tfds_prepared_is_read_as_it_is(folder):
    for place in (folder, folder / "celeb_a", folder / "celeb_a/2.1.0"):
        source = open_celeb_a(place)
        assert [len(source.split(split)) for split in base.SPLITS] == [5, 2, 2]
    third, fourth = source.split("train")[2:4]
    assert source.id(third) == "train/000002" and source.schema == celeba.SCHEMA
    assert source.fields(third)["attributes"]["5 o clock shadow"] == "yes"
    assert source.fields(third)["attributes"]["gender"] == "male"  # the 21st column
    assert source.fields(fourth)["attributes"]["5 o clock shadow"] == "no"
    assert abs(int(source.image(third, 8).mean()) - 40) < 3 and source.image(fourth, 8).shape == (8, 8, 3)
    assert len({source.signature(i) for i in range(9)}) == 9


def test_a_folder_without_it_or_with_a_cut_file_is_refused(folder, tmp_path):
    with pytest.raises(UserError, match=r"TFDS has prepared no celeb_a here.*celeb_a/<version>/dataset_info\.json"):
        open_celeb_a(tmp_path)
    with pytest.raises(UserError, match=r"no split 'other'; it has"):
        tfds_records.Examples(folder / "celeb_a/2.1.0", "other")
    for path in (folder / "celeb_a/2.1.0").iterdir():
        data = path.read_bytes()
        (tmp_path / path.name).write_bytes(data[:-7] if "-train." in path.name and "tfrecord" in path.name else data)
    if "tfrecord" in folder.name:
        with pytest.raises(UserError, match=r"celeb_a-train\.tfrecord-00000-of-00001: the file is cut short"):
            tfds_records.Examples(tmp_path, "train")
    (tmp_path / "features.json").write_text("{}")
    with pytest.raises(UserError, match=r"TFDS reads no dataset from it"):
        tfds_records.Examples(tmp_path, "test")
