import json

import pytest
from faces import encode_stub, own_faces, picture, store_config
from PIL import ImageOps

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data import corpus, prepare
from t2f_jax.data.store import Store


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Two folders: mine/train2 is a poor copy of mine/test1, mine/train4 a mirrored one of others/train0."""
    monkeypatch.setattr(corpus, "SENTENCES", 300)
    own_faces(tmp_path / "mine", 8)
    own_faces(tmp_path / "others", 5, first=100)
    picture(8 + 2 + 1, side=80).save(tmp_path / "mine" / "train2.jpg", quality=40)
    ImageOps.mirror(picture(100)).save(tmp_path / "mine" / "train4.jpg", quality=70)
    return {name: SourceConfig(kind="own", folder=str(tmp_path / name)) for name in ("others", "mine")}


def names(store, source, split):
    lines = (store.folder / source / split / "records.jsonl").read_text().splitlines()
    return [json.loads(line)["id"] for line in lines]


@pytest.mark.parametrize(
    ("mode", "left_out"), [("report", []), ("drop_leaked", ["train2.jpg"]), ("drop", ["train2.jpg", "train4.jpg"])]
)
def test_copies_across_splits_and_sources_are_told_and_left_out(mode, left_out, sources, tmp_path):
    config = store_config(image_size=32, sources=sources, copies=mode)
    store = Store(prepare.run(config, encode_stub, "stub", tmp_path / "images", tmp_path / "store"))
    groups = [json.loads(line)["faces"] for line in (store.folder / "copies.jsonl").read_text().splitlines()]
    mirrored, leaked = groups
    assert [(face["source"], face["split"], face["id"]) for face in mirrored] == [
        ("others", "train", "train0.jpg"),
        ("mine", "train", "train4.jpg"),
    ]
    assert [face["mirrored"] for face in mirrored] == [False, True] and 0 < mirrored[1]["bits"] <= 24
    assert [(face["split"], face["id"]) for face in leaked] == [("test", "test1.jpg"), ("train", "train2.jpg")]
    assert [face["id"] for group in groups for face in group if face["left_out"]] == left_out[::-1]
    assert names(store, "mine", "train") == [n for n in (f"train{k}.jpg" for k in range(8)) if n not in left_out]
    assert names(store, "others", "train") == [f"train{k}.jpg" for k in range(5)]
    assert len(store.codes("mine", "train")) == len(store.fields("mine", "train")) == 8 - len(left_out)
    meta = json.loads((store.folder / "meta.json").read_text())
    assert meta["copies"] == {"groups": 2, "across_splits": 1, "across_sources": 1, "left_out": len(left_out)}


def test_another_choice_makes_another_store(sources, tmp_path):
    made = {}
    for mode in ("report", "drop", "report"):
        config = store_config(image_size=32, sources=sources, copies=mode)
        folder = prepare.run(config, encode_stub, "stub", tmp_path / "images", tmp_path / "store")
        made.setdefault(mode, []).append((Store(folder).fingerprint, len(Store(folder).codes("mine", "train"))))
    (first, n), (again, _) = made["report"]
    assert first == again != made["drop"][0][0] and (n, made["drop"][0][1]) == (8, 6)
