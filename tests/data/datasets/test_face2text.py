import json

import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, registry
from t2f_jax.errors import UserError


def texts(*pairs):
    return json.dumps([{"response_id": str(i), "filename": n, "description": t} for i, (n, t) in enumerate(pairs)])


@pytest.fixture
def folder(celeba_folder):
    folder = celeba_folder.parent / "Face2Text"
    folder.mkdir()
    return folder


def open_texts(folder):
    return registry.open_source(SourceConfig(kind="face2text", folder=str(folder)), "texts")


def test_the_partition_is_celebas_and_not_its_own(folder):
    train = (("000012.jpg", "An old man."), ("000001.jpg", "A man  with\na hat."), ("000001.jpg", "A tall man."))
    (folder / "clean_train_2.1.json").write_text(texts(*train))
    (folder / "clean_test_2.1.json").write_text(texts(("000003.jpg", "He wears glasses."), ("999999.jpg", "Nobody.")))
    (folder / "raw_2.1.json").write_text(texts(("000002.jpg", "Not cleaned.")))
    source = open_texts(folder)
    ids = [[source.id(i) for i in source.split(split)] for split in base.SPLITS]
    assert ids == [["000001.jpg", "000003.jpg"], [], ["000012.jpg"]]
    assert source.fields(0)["captions"] == ["A man with a hat.", "A tall man."]
    assert source.fields(1)["attributes"]["eyeglasses"] == "yes"
    assert source.image(0, 16).shape == (16, 16, 3)
    assert source.skipped == [{"id": "999999.jpg", "why": "no image of CelebA has this name"}]


def test_the_raw_texts_are_read_where_there_are_no_others(folder, tmp_path, monkeypatch):
    (folder / "raw_2.1.json").write_text(texts(("000002.jpg", "A woman.")))
    assert open_texts(folder).fields(0)["captions"] == ["A woman."]
    monkeypatch.setenv("T2F_DATA", str(tmp_path))
    moved = folder.rename(tmp_path.parent / f"{tmp_path.name}-texts")
    assert open_texts(moved).id(0) == "000002.jpg"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1}', r"raw_2\.1\.json: this should be a list"),
        ('[{"filename": "000001.jpg"}]', r"record 0: no 'filename' and 'description'"),
        ('[{"img_id": 1, "image": "A_1.bmp", "descriptions": ["x"]}]', r"record 0: .*is this version 0\.1"),
    ],
)
def test_other_files_are_refused(folder, content, message):
    (folder / "raw_2.1.json").write_text(content)
    with pytest.raises(UserError, match=message):
        open_texts(folder)


def test_what_is_missing_is_named(folder, monkeypatch):
    monkeypatch.delenv("T2F_DATA", raising=False)
    with pytest.raises(UserError, match=r"no clean_train_2\.1\.json or raw_2\.1\.json.*zenodo"):
        open_texts(folder)
    (folder / "raw_2.1.json").write_text("[]")
    (folder.parent / "CelebA").rename(folder.parent / "elsewhere")
    with pytest.raises(UserError, match=r"CelebA's images are not at .*CelebA\. Descriptions: version 2\.1"):
        open_texts(folder)
