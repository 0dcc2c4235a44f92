import os

import damage
import made_up
import pytest
from hypothesis import HealthCheck, given, settings

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, listed, registry
from t2f_jax.errors import UserError


def test_reads_names_and_skips_malformed(utkface_folder, monkeypatch):
    monkeypatch.setenv("T2F_DATA", str(utkface_folder.parent))
    source = registry.open_source(SourceConfig(kind="utkface"), "utkface")
    assert [s["id"] for s in source.skipped] == [
        "39_1_20170116174525125.jpg.chip.jpg",
        "7_2_1_2017.jpg.chip.jpg",
        "face.jpg",
    ]
    everyone = [i for s in base.SPLITS for i in source.split(s)]
    assert sorted(everyone) == list(range(30))
    by_age = {source.fields(i)["attributes"]["age"]: source.fields(i)["attributes"] for i in everyone}
    assert by_age[7] == {"gender": "female", "ethnicity": "asian", "age": 7}
    for split in base.SPLITS:
        assert all(listed.split_by_hash(source.id(i)) == split for i in source.split(split))


def test_a_folder_without_faces(tmp_path):
    with pytest.raises(UserError, match=r"no face named \[age\]"):
        registry.open_source(SourceConfig(kind="utkface", folder=str(tmp_path)), "utkface")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=damage.damaged(b"39_1_2_20170116174525125.jpg.chip.jpg"))
def test_any_name_is_a_face_or_skipped_or_ignored(utkface_folder, name):
    name = name.replace(b"/", b"").replace(b"\0", b"") or b"x"
    path = os.fsencode(utkface_folder) + b"/" + name[:200]
    if os.path.lexists(path):
        return
    with open(path, "wb"):
        pass
    source = registry.open_source(SourceConfig(kind="utkface", folder=str(utkface_folder)), "utkface")
    os.unlink(path)
    ids = [source.id(i) for split in base.SPLITS for i in source.split(split)]
    assert len(ids) in (30, 31) and all(1 <= source.fields(i)["attributes"]["age"] <= 116 for i in range(len(ids)))


def test_endings_in_capitals_are_read_and_an_archive_is_told(utkface_folder, tmp_path):
    for path in list(utkface_folder.iterdir()):
        path.rename(path.with_name(path.name.replace(".jpg.chip.jpg", ".JPG.CHIP.JPG")))
    source = registry.open_source(SourceConfig(kind="utkface", folder=str(utkface_folder)), "utkface")
    assert sum(len(source.split(split)) for split in base.SPLITS) == 30
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "UTKFace.tar.gz").write_bytes(b"")
    with pytest.raises(UserError, match=r"UTKFace\.tar\.gz is still packed: unpack it, and set"):
        registry.open_source(SourceConfig(kind="utkface", folder=str(tmp_path / "packed")), "utkface")


def test_faces_in_a_folder_inside_one_of_its_name_are_read(utkface_folder, tmp_path):
    (tmp_path / "UTK").mkdir()
    utkface_folder.rename(tmp_path / "UTK" / "UTK")
    source = registry.open_source(SourceConfig(kind="utkface", folder=str(tmp_path / "UTK")), "utkface")
    assert source.image(0, 16).shape == (16, 16, 3)


def test_the_benchmarks_partition_knows_the_photographs(utkface_folder):
    names = sorted(path.name for path in utkface_folder.glob("[1-9]*_?_?_*"))
    photographs = [name.replace(".chip.jpg", "").replace(".jpg", ".JPG") for name in names]
    made_up.benchmark(utkface_folder / "UTKFace_aligned.json", photographs)
    config = SourceConfig(kind="utkface", folder=str(utkface_folder), partition="age-benchmark-0")
    source = registry.open_source(config, "utkface")
    chosen = {source.id(i) for i in source.split("validation")}
    assert chosen == {name for k, name in enumerate(names) if k % 10 in (6, 7)} - {s["id"] for s in source.skipped}
    assert "(" not in source.signature(0)  # a box of the photograph is none of the aligned face
