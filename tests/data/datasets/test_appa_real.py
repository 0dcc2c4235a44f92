import made_up

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import registry


def test_real_and_apparent_ages_are_read(tmp_path):
    folder = made_up.make("appa_real", tmp_path / "appa-real-release")
    source = registry.open_source(SourceConfig(kind="appa_real", folder=str(folder)), "faces")
    assert [len(source.split(split)) for split in ("train", "validation", "test")] == [3, 4, 4]
    assert source.fields(1)["attributes"] == {"age": 30, "apparent age": 32}
    assert source.id(3) == "valid/000000.jpg"
    assert source.image(0, 16).shape == (16, 16, 3) and source.signature(0).startswith("000000.jpg_face.jpg")
    assert [each["id"] for each in source.skipped] == ["train/000003.jpg"]
