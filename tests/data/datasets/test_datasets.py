import numpy as np
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, celeba, registry, utkface
from t2f_jax.errors import UserError


def open_celeba(folder):
    return registry.make(SourceConfig(kind="celeba", folder=str(folder)), "celeba")


def test_synthetic_splits_cover_all_faces_once():
    source = registry.make(SourceConfig(count=103), "drawn", seed=5)
    parts = [source.split(split) for split in base.SPLITS]
    assert [len(p) for p in parts] == [83, 10, 10]
    assert sorted(i for part in parts for i in part) == list(range(103))
    image = source.image(7, 32, 1.0)
    assert image.shape == (32, 32, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image, source.image(7, 32, 1.0))
    assert source.fields(7)["attributes"].keys() <= {a.name for a in source.schema}


def test_smallest_synthetic_source_fills_every_split():
    source = registry.make(SourceConfig(count=3), "drawn")
    assert [len(source.split(s)) for s in base.SPLITS] == [1, 1, 1]
    with pytest.raises(UserError, match=r"data\.sources\.drawn\.count=2"):
        registry.make(SourceConfig(count=2), "drawn")


def test_celeba_reads_labels_and_partition(celeba_folder):
    source = open_celeba(celeba_folder)
    assert len(source.schema) == 40
    assert [len(source.split(s)) for s in base.SPLITS] == [8, 2, 2]
    third = source.split("train")[2]
    assert source.id(third) == "000003.jpg"
    attributes = source.fields(third)["attributes"]
    assert attributes["gender"] == "male" and attributes["eyeglasses"] == "yes" and attributes["young"] == "no"
    assert source.fields(third + 1)["attributes"]["gender"] == "female"
    assert source.image(third, 24, 1.0).shape == (24, 24, 3)


def test_celeba_official_subfolders(celeba_folder):
    for sub, name in (
        ("Anno", "list_attr_celeba.txt"),
        ("Eval", "list_eval_partition.txt"),
        ("Img", "img_align_celeba"),
    ):
        (celeba_folder / sub).mkdir()
        (celeba_folder / name).rename(celeba_folder / sub / name)
    assert len(open_celeba(celeba_folder).split("train")) == 8


def test_celeba_column_order_is_read_from_the_header(celeba_folder):
    path = celeba_folder / "list_attr_celeba.txt"
    lines = path.read_text().splitlines()
    lines[1] = " ".join(reversed(celeba.COLUMNS))
    lines[2:] = [" ".join([line.split()[0], *reversed(line.split()[1:])]) for line in lines[2:]]
    path.write_text("\n".join(lines))
    assert open_celeba(celeba_folder).fields(0)["attributes"]["gender"] == "male"


def edit(path, number, change):
    lines = path.read_text().splitlines()
    lines[number - 1] = change(lines[number - 1])
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "file, number, change, message",
    [
        (
            "list_attr_celeba.txt",
            5,
            lambda s: s.rsplit(" ", 1)[0],
            r"line 5: 39 labels after the file name instead of 40",
        ),
        ("list_attr_celeba.txt", 7, lambda s: s[:-1] + "0", r"line 7: label '-?0' is neither 1 nor -1"),
        ("list_attr_celeba.txt", 2, lambda s: s.replace("Male", "Mael"), r"line 2: the names .*Mael"),
        ("list_attr_celeba.txt", 1, lambda s: "99", r"line 1: '99' rows announced, 12 found"),
        ("list_attr_celeba.txt", 4, lambda s: s.replace("000002", "000001"), r"000001.jpg has two rows"),
        (
            "list_eval_partition.txt",
            2,
            lambda s: "000002.jpg 3",
            r"line 2: '000002.jpg 3' should be a file name and 0, 1 or 2",
        ),
        ("list_eval_partition.txt", 2, lambda s: "9.jpg 0", r"line 2: 9.jpg has no row in list_attr_celeba.txt"),
        ("list_eval_partition.txt", 2, lambda s: "", r"no row for 000002.jpg"),
    ],
)
def test_celeba_names_the_broken_row(celeba_folder, file, number, change, message):
    edit(celeba_folder / file, number, change)
    with pytest.raises(UserError, match=message) as caught:
        open_celeba(celeba_folder)
    assert file in str(caught.value) and "\n" not in str(caught.value)


def test_celeba_names_what_is_missing(celeba_folder):
    (celeba_folder / "img_align_celeba" / "000004.jpg").unlink()
    with pytest.raises(UserError, match=r"000004.jpg is labelled in list_attr_celeba.txt but absent \(1 of 12 are\)"):
        open_celeba(celeba_folder)
    (celeba_folder / "list_eval_partition.txt").unlink()
    with pytest.raises(UserError, match=r"no list_eval_partition\.txt"):
        open_celeba(celeba_folder)


def test_missing_folders_say_what_to_set(tmp_path, monkeypatch):
    monkeypatch.delenv("T2F_DATA", raising=False)
    with pytest.raises(UserError, match=r"where is CelebA\? set T2F_DATA .* or data.sources.faces.folder"):
        registry.make(SourceConfig(kind="celeba"), "faces")
    monkeypatch.setenv("T2F_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"UTKFace: no such folder .* set T2F_DATA .* or data.sources.u.folder"):
        registry.make(SourceConfig(kind="utkface"), "u")


def test_utkface_reads_names_and_skips_malformed(utkface_folder, monkeypatch):
    monkeypatch.setenv("T2F_DATA", str(utkface_folder.parent))
    source = registry.make(SourceConfig(kind="utkface"), "utkface")
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
        assert all(utkface.split_of(source.id(i)) == split for i in source.split(split))


def test_utkface_folder_without_faces(tmp_path):
    with pytest.raises(UserError, match=r"no face named \[age\]"):
        registry.make(SourceConfig(kind="utkface", folder=str(tmp_path)), "utkface")


def test_real_faces(real_data):
    faces = registry.make(SourceConfig(kind="celeba", folder=str(real_data / "CelebA")), "celeba")
    aged = registry.make(SourceConfig(kind="utkface", folder=str(real_data / "UTKFace")), "utkface")
    for source in (faces, aged):
        parts = [set(source.split(s)) for s in base.SPLITS]
        assert all(parts) and len(set.union(*parts)) == sum(map(len, parts))
        i = source.split("test")[0]
        image = source.image(i, 64, 0.8)
        assert image.shape == (64, 64, 3) and image.std() > 5
        for attribute in source.schema:
            assert str(source.fields(i)["attributes"][attribute.name]) in attribute.candidates()
