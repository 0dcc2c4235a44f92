import os

import made_up
import numpy as np
import pytest
import tensorflow_datasets as tfds
from faces import encode_stub, store_config

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data import corpus, prepare, tfds_builders
from t2f_jax.data.datasets import base, prepared, registry
from t2f_jax.errors import UserError
from t2f_jax.io.framing import Framing


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("T2F_CACHE", str(tmp_path / "cache"))


def by_tfds(name, manual, out, file_format="array_record", **options):
    assert name in tfds_builders.BUILDERS  # they are known once the module is imported
    config = tfds.download.DownloadConfig(manual_dir=str(manual), **options)
    tfds.builder(name, data_dir=str(out), file_format=file_format).download_and_prepare(download_config=config)
    return out


def opened(kind, folder, **config):
    return registry.open_source(SourceConfig(kind=kind, folder=str(folder), **config), "faces")


@pytest.mark.parametrize("kind", ["utkface", "celeba", "fairface"])
def test_what_tfds_has_prepared_gives_the_faces_of_the_folder(kind, tmp_path):
    folder = made_up.make(kind, tmp_path / "data" / registry.find(kind).folder)
    plain, made = opened(kind, folder), opened(kind, by_tfds(f"t2f_{kind}", folder, tmp_path / "tfds"))
    assert isinstance(made, prepared.Prepared) and made.schema == plain.schema
    for split in base.SPLITS:
        by_name = {plain.id(i): i for i in plain.split(split)}
        assert [made.id(i) for i in made.split(split)] == sorted(by_name)
        for i in made.split(split):
            same = by_name[made.id(i)]
            assert made.fields(i) == plain.fields(same) and made.original(i) == plain.original(same)
            assert np.array_equal(made.image(i, 16), plain.image(same, 16))


def test_landmarks_of_what_tfds_has_prepared_are_those_of_the_folder(tmp_path):
    folder = tmp_path / "data/AffectNet"
    made_up.affectnet_2017(folder)
    plain, made = opened("affectnet", folder), opened("affectnet", by_tfds("t2f_affectnet", folder, tmp_path / "tfds"))
    by_name = {plain.id(i): i for split in base.SPLITS for i in plain.split(split)}
    known, aligned = 0, Framing(resize="landmarks")
    for split in base.SPLITS:
        for i in made.split(split):
            same = by_name[made.id(i)]
            points, others = made.landmarks(i), plain.landmarks(same)
            assert (points is None) == (others is None)
            if points is not None:
                known += 1
                np.testing.assert_array_equal(points, others)
            np.testing.assert_array_equal(made.image(i, 16, aligned), plain.image(same, 16, aligned))
    assert known == 2


@pytest.mark.parametrize("beam", [False, True])
def test_the_store_of_what_tfds_has_prepared_is_that_of_the_folder_to_the_byte(
    beam, utkface_folder, tmp_path, monkeypatch
):
    options = {}
    if beam:
        apache = pytest.importorskip("apache_beam", reason="Apache Beam is not installed; pip install -e '.[beam]'")
        options["beam_runner"] = apache.runners.DirectRunner()
    monkeypatch.setattr(corpus, "SENTENCES", 300)
    for name in ("39_1_20170116174525125.jpg.chip.jpg", "7_2_1_2017.jpg.chip.jpg", "face.jpg"):
        (utkface_folder / name).unlink()
    stores = []
    for folder in (utkface_folder, by_tfds("t2f_utkface", utkface_folder, tmp_path / "tfds", **options)):
        config = store_config(sources={"faces": SourceConfig(kind="utkface", folder=str(folder))})
        out = prepare.run(config, encode_stub, "stub", tmp_path / "images", tmp_path / f"store{len(stores)}")
        stores.append({str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()})
    assert stores[0] == stores[1] and len(stores[0]) > 20


def test_files_without_positions_are_refused(utkface_folder, tmp_path):
    out = by_tfds("t2f_utkface", utkface_folder, tmp_path / "tfds", file_format="tfrecord")
    with pytest.raises(UserError, match=r"cannot be read by position; prepare it with .*--file_format=array_record"):
        opened("utkface", out)


def test_another_partition_and_broken_files_are_told(tmp_path):
    (tmp_path / "t2f_agedb" / "1.0.0").mkdir(parents=True)
    with pytest.raises(UserError, match="TFDS has prepared nothing of its own partition here"):
        opened("agedb", tmp_path)
    (tmp_path / "t2f_agedb" / "1.0.0" / prepared.INFO).write_text("{}")
    with pytest.raises(UserError, match="prepared nothing of partition age-benchmark-0 here"):
        opened("agedb", tmp_path, partition="age-benchmark-0")
    with pytest.raises(UserError, match="TFDS cannot read what it has prepared here"):
        opened("agedb", tmp_path)


def test_examples_are_parsed_once_on_a_machine_and_again_where_the_files_changed(tmp_path, monkeypatch):
    folder = made_up.make("utkface", tmp_path / "data" / "UTKFace")
    out, parsed, read = by_tfds("t2f_utkface", folder, tmp_path / "tfds"), [], prepared.Prepared._read

    def counted(self, split, row):
        parsed.append((split, row))
        return read(self, split, row)

    monkeypatch.setattr(prepared.Prepared, "_read", counted)
    first = opened("utkface", out)
    faces = sum(len(first.split(split)) for split in base.SPLITS)
    assert len(parsed) == len(set(parsed)) == faces
    again = opened("utkface", out)
    assert len(parsed) == faces and [again.id(i) for i in range(faces)] == sorted(first.id(i) for i in range(faces))
    assert all(again.fields(i) == first.fields(i) and again.signature(i) == first.signature(i) for i in range(faces))
    made = next(out.rglob("*array_record*"))
    os.utime(made, ns=(1, 1))
    opened("utkface", out)
    assert len(parsed) == 2 * faces
