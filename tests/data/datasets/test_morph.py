import made_up

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, registry


def test_rows_are_read_and_the_broken_ones_listed(tmp_path):
    folder = made_up.make("morph", tmp_path / "MORPH")
    source = registry.open_source(SourceConfig(kind="morph", folder=str(folder)), "faces")
    assert sum(len(source.split(split)) for split in base.SPLITS) == made_up.PEOPLE
    assert source.fields(3)["attributes"] == {"gender": "female", "ethnicity": "latino", "age": 23}
    assert "ethnicity" not in source.fields(5)["attributes"]
    assert source.image(0, 16).shape == (16, 16, 3)
    whys = {each["id"]: each["why"] for each in source.skipped}
    assert whys["morph_2008_nonCommercial.csv, line 32"] == "11 cells, but the header names 10 columns"
    assert whys["Album2/8.JPG"] == "morph_2008_nonCommercial.csv, line 33: the age is '-'"
    assert whys["Album2/absent.JPG"].endswith("no such file")


def test_the_benchmarks_partition(tmp_path):
    folder = made_up.make("morph", tmp_path / "MORPH")
    names = [f"{k:06d}_1{'MF'[k % 2]}{20 + k}.JPG" for k in range(20)]
    made_up.benchmark(folder / "MORPH.json", names, aligned=False)
    source = registry.open_source(SourceConfig(kind="morph", folder=str(folder), partition="age-benchmark-4"), "faces")
    assert [source.id(i)[7:13] for i in source.split("validation")] == ["000002", "000003", "000012", "000013"]
    assert sum("MORPH.json does not name it" in each["why"] for each in source.skipped) == made_up.PEOPLE - 20 + 1
