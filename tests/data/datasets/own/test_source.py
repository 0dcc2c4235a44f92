"""Own data as a source: one set of faces in any layout is the same source, and gives the same store."""

import dataclasses

import numpy as np
import own_data
import pytest
from faces import encode_stub, store_config

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data import prepare
from t2f_jax.data.datasets import base, registry
from t2f_jax.errors import UserError

LAYOUTS = ("csv", "json lines", "parquet", "imagefolder", "webdataset", "image parquet", "saved")


def open_own(folder, columns=""):
    return registry.open_source(SourceConfig(kind="own", folder=str(folder), columns=columns), "own")


@pytest.fixture(scope="module")
def layouts(tmp_path_factory):
    return own_data.write_all(tmp_path_factory.mktemp("own"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_faces_of_every_layout_are_the_same(layouts, layout):
    source = open_own(layouts[layout])
    assert [a.name for a in source.schema] == ["age", "gender", "hair color", "hat"] and source.skipped == []
    everyone = sorted(i for split in base.SPLITS for i in source.split(split))
    assert everyone == list(range(own_data.COUNT))
    assert [source.id(i) for i in everyone] == [f"{i:02d}.jpg" for i in everyone]
    assert source.fields(3) == {
        "attributes": {"gender": "female", "hair color": "black", "hat": "yes"},
        "captions": ["A person, the 3. one."],
    }
    assert source.fields(1)["captions"] == [] and source.fields(1)["attributes"]["age"] == 21
    assert source.fields(2)["attributes"]["hair color"] == "light brown"
    first = open_own(layouts["csv"])
    assert all(source.split(split) == first.split(split) for split in base.SPLITS)
    for i in (0, 17, 49):
        assert source.signature(i) == first.signature(i)
        assert np.array_equal(source.image(i, 16), first.image(i, 16))


def test_the_stores_of_all_layouts_are_the_same_to_the_byte(layouts, tmp_path):
    stores = {}
    for layout in ("csv", "imagefolder", "webdataset", "image parquet", "saved"):
        config = store_config()
        own = SourceConfig(kind="own", folder=str(layouts[layout]))
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, sources={"own": own}))
        out = prepare.run(config, encode_stub, "stub-tokenizer", tmp_path / layout / "images", tmp_path / layout / "s")
        stores[layout] = {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}
    assert all(f"own/{split}/records.jsonl" in stores["csv"] for split in base.SPLITS)
    for layout, store in stores.items():
        assert store == stores["csv"], layout


def test_a_config_without_a_folder_says_what_may_lie_there():
    with pytest.raises(UserError, match=r"data\.sources\.own\.folder: where is your data\? Name a table \(\.csv"):
        open_own("")


def test_rows_about_one_image_are_one_face(tmp_path):
    own_data.images(tmp_path, 4)
    rows = ["00.jpg,A man.,30", "00.jpg,Someone old.,", "00.jpg,A man.,30", "01.jpg,,5", "01.jpg,A boy.,6"]
    (tmp_path / "faces.csv").write_text("\n".join(["image,caption,age", *rows, "02.jpg,,7"]))
    source = open_own(tmp_path)
    assert source.fields(0) == {"attributes": {"age": 30}, "captions": ["A man.", "Someone old."]}
    assert source.fields(1) == {"attributes": {"age": 5}, "captions": []}
    assert [(s["id"], s["why"]) for s in source.skipped] == [
        ("faces.csv, line 6", "age 6, elsewhere 5 (faces.csv, line 5); all rows about one image should say the same")
    ]


def test_images_of_one_name_in_two_splits_are_told_apart(tmp_path):
    for split in ("train", "test"):
        own_data.write_csv(tmp_path / split, 3, "metadata.csv")
    source = open_own(tmp_path)
    assert [source.id(i) for i in source.split("test")] == ["test/00.jpg", "test/01.jpg", "test/02.jpg"]
    assert len(source.split("validation")) == 1 and len(source.split("train")) == 2
    assert source.id(source.split("train")[0]) in ("train/00.jpg", "train/01.jpg", "train/02.jpg")


def test_data_of_which_nothing_can_be_used_says_why(tmp_path):
    (tmp_path / "faces.csv").write_text("image,age\nnowhere.jpg,3\n")
    with pytest.raises(
        UserError, match=r"not one face can be used; faces\.csv, line 2: column 'image': 'nowhere\.jpg'"
    ):
        open_own(tmp_path)


def same_faces(source, first, count=own_data.COUNT):
    assert source.skipped == [] and [a.name for a in source.schema] == [a.name for a in first.schema]
    assert all(len(source.split(split)) == len(first.split(split)) > 0 for split in base.SPLITS)
    for i in range(count):
        assert (source.id(i), source.fields(i)) == (first.id(i), first.fields(i))
        assert source.original(i) == first.original(i) and source.signature(i) == first.signature(i)


def test_what_hugging_faces_own_library_writes_is_read(layouts, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="Hugging Face's datasets is not installed")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets.disable_progress_bars()
    first = open_own(layouts["csv"])
    made = own_data.write_by_datasets(tmp_path / "out", tmp_path / "images", datasets)
    for layout, folder in made.items():
        print(layout)
        same_faces(open_own(folder), first)
    with pytest.raises(UserError, match=r"its bytes should stand here, not only its path \(.*00\.jpg\): `save"):
        open_own(tmp_path / "out/paths")


def test_what_webdatasets_own_writer_makes_is_read(layouts, tmp_path):
    webdataset = pytest.importorskip("webdataset", reason="webdataset is not installed")
    folder = own_data.write_by_webdataset(tmp_path / "out", tmp_path / "images", webdataset)
    same_faces(open_own(folder), open_own(layouts["csv"]))
