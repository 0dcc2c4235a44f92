import io

import made_up
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data import tfds_builders
from t2f_jax.data.datasets import base, prepared, registry


def prepare(name, manual, out, **options):
    config = tfds.download.DownloadConfig(manual_dir=str(manual), **options)
    builder = tfds.builder(name, data_dir=str(out), file_format="array_record")
    builder.download_and_prepare(download_config=config)
    return builder


@pytest.mark.parametrize("name", tfds_builders.BUILDERS)
def test_every_dataset_is_a_builder_that_holds_what_its_source_does(name, tmp_path):
    kind = name.removeprefix("t2f_")
    folder = made_up.make(kind, tmp_path / "data" / registry.find(kind).folder)
    builder = prepare(name, folder.parent, tmp_path / "tfds")
    source = registry.open_source(SourceConfig(kind=kind, folder=str(folder)), "faces")
    assert builder.info.citation and builder.info.description
    assert list(builder.info.splits) == [split for split in base.SPLITS if source.split(split)]
    assert {"train", "test"} <= set(builder.info.splits)
    for split in builder.info.splits:
        examples = {example["id"].decode(): example for example in builder.as_data_source(split)}
        assert set(examples) == {source.id(i) for i in source.split(split)}
        i = source.split(split)[0]
        example, fields = examples[source.id(i)], source.fields(i)
        assert example["image"].shape[2] == 3
        assert [text.decode() for text in example["captions"]] == fields["captions"]
        for attribute in registry.find(kind).schema:
            value = example["attributes"][prepared.feature_name(attribute)]
            known = fields["attributes"].get(attribute.name)
            if not attribute.is_number:
                assert value == (-1 if known is None else attribute.values.index(known))
            elif known is None or isinstance(known, int):
                assert value["low"] == value["high"] == (-1 if known is None else known)
            else:
                assert f"{value['low']}-{value['high']}" == known or known == f"{value['low']}+"


def test_images_are_those_of_the_dataset_unless_tensorflow_would_see_others(tmp_path):
    folder = made_up.make("agedb", tmp_path / "AgeDB")
    first, second, third = sorted(folder.glob("?_*.jpg"))[:3]
    Image.open(second).convert("CMYK").save(second, "JPEG")
    third.write_bytes(third.read_bytes()[:200])
    builder = prepare("t2f_agedb", tmp_path, tmp_path / "tfds")
    data = builder.as_data_source(decoders={"image": tfds.decode.SkipDecoding()})
    files = {example["id"].decode(): example["image"] for split in data.values() for example in split}
    assert files[first.name] == first.read_bytes() and third.name not in files
    assert np.array_equal(Image.open(io.BytesIO(files[second.name])), Image.open(second).convert("RGB"))


def test_a_partition_is_a_config(tmp_path):
    folder = made_up.make("agedb", tmp_path / "AgeDB")
    names = sorted(path.name for path in folder.glob("*_*.jpg"))
    made_up.benchmark(folder / "AgeDB.json", names)
    builder = prepare("t2f_agedb/age-benchmark-0", folder, tmp_path / "tfds")
    expected = {name for k, name in enumerate(names) if k % 10 in (8, 9)} - {"JohnDoe.jpg", "1002_JohnDoe_0_m.jpg"}
    assert {example["id"].decode() for example in builder.as_data_source("test")} == expected


def test_a_missing_folder_says_how_to_get_the_dataset(tmp_path):
    with pytest.raises(AssertionError, match=r"(?s)does not exist or is empty.*Ask the authors for the password"):
        prepare("t2f_agedb", tmp_path / "nowhere", tmp_path / "tfds")


def test_beam_reads_the_same(tmp_path):
    beam = pytest.importorskip("apache_beam", reason="Apache Beam is not installed; pip install -e '.[beam]'")
    folder = made_up.make("appa_real", tmp_path / "appa-real-release")
    plain = prepare("t2f_appa_real", folder, tmp_path / "plain")
    by_beam = prepare("t2f_appa_real", folder, tmp_path / "beam", beam_runner=beam.runners.DirectRunner())
    for split in base.SPLITS:
        one, two = (
            sorted(repr(sorted(each.items(), key=str)) for each in builder.as_data_source(split))
            for builder in (plain, by_beam)
        )
        assert one == two and one
