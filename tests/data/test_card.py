import io
import json

import pytest
from faces import encode_stub, own_faces, store_config
from PIL import Image

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data import card, corpus, prepare
from t2f_jax.data.store import Store
from t2f_jax.errors import UserError


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "SENTENCES", 300)
    names = own_faces(tmp_path / "mine", 30)
    rows = [
        {"image": name, "split": name[:-4].rstrip("0123456789"), "age": 20 + k, "gender": ("male", "female")[k % 2]}
        | ({"ethnicity": ("asian", "white")[k % 3 > 0], "hat": ("no", "yes")[k % 4 == 0]} if k else {})
        | ({"captions": [f"a face <{k}>", "it smiles"]} if k % 2 else {})
        for k, name in enumerate(names)
    ]
    (tmp_path / "mine" / "faces.csv").unlink()
    (tmp_path / "mine" / "faces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "mine" / "train7.jpg").write_bytes((tmp_path / "mine" / "train7.jpg").read_bytes()[:900])
    (tmp_path / "mine" / "train9.jpg").write_bytes(b"")
    config = store_config(sources={"mine": SourceConfig(kind="own", folder=str(tmp_path / "mine"))})
    return Store(prepare.run(config, encode_stub, "stub", tmp_path / "images", tmp_path / "store"))


def test_everything_is_counted(store):
    told = card.describe(store)
    (source,) = told.sources
    assert told.run["pictures"] == "crop=1.0, resize=crop, filter=auto"
    assert source.faces == {"train": 28, "validation": 2, "test": 2} and source.total == 32
    assert source.captions["captions"] == "30" and source.captions["faces with captions"] == "15"
    assert source.known["age"] == 1 and source.partly_known == {"ethnicity": 31 / 32, "hat": 31 / 32}
    balances = {balance.rows_are: balance for balance in source.balances}
    assert balances["ethnicity"].total == 31 and balances["age"].total == 32
    assert balances["age"].counts["30–39"] == [5, 5] and set(balances["age"].columns) == {"male", "female"}
    assert [plot.title for plot in source.plots] == ["Age", "Ethnicity", "Gender", "Attributes"]
    assert sum(told.skipped.values()) == 2 and all("train" not in why for why in told.skipped)
    assert len(source.examples) == 11 and told.copies == {k: 0 for k in told.copies}
    assert source.examples[1].labels.startswith("age: ")


def test_what_was_not_read_of_own_data_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(corpus, "SENTENCES", 300)
    names = own_faces(tmp_path / "mine", 30)
    said = [f"{name},{('NA', 'A man.')[k % 2]},note <{k}>" for k, name in enumerate(names)]
    (tmp_path / "mine/faces.csv").write_text("\n".join(["image,caption,notes", *said, ""]))
    config = store_config(sources={"mine": SourceConfig(kind="own", folder=str(tmp_path / "mine"))})
    out = prepare.run(config, encode_stub, "stub", tmp_path / "images", tmp_path / "store")
    (source,) = card.describe(Store(out)).sources
    count = len(names)
    assert source.notes == [
        f"columns that are not read: 'notes' ({count} different texts, too many to choose from)",
        f"captions that say nothing and are left out: {(count + 1) // 2}, such as 'NA'",
    ]
    assert f"mine: {source.notes[1]}" in capsys.readouterr().err
    card.write(Store(out), tmp_path / "card.html")
    assert f"Columns that are not read: &#39;notes&#39; ({count} different" in (tmp_path / "card.html").read_text()


def test_ages_of_faces_of_unknown_gender_are_named(store, monkeypatch):
    shown = {}
    monkeypatch.setattr(card.plots, "histogram", lambda values, groups, label: shown.update(groups) or b"")
    fields = store.fields
    bare = {"attributes": {"age": 44}, "captions": []}
    monkeypatch.setattr(store, "fields", lambda name, split: [*fields(name, split), bare])
    card.describe(store)
    assert set(shown) == {"male", "female", "not known"} and shown["not known"].sum() == 3


def test_examples_are_the_faces_of_their_records(store):
    images, rows = store.examples("mine", "train")
    assert images.shape == (11, 16, 16, 3)
    for image, row in zip(images, rows):
        assert (store.codes("mine", "train")[row, 0] == encode_stub(image[None])[0]).all()
        assert store.fields("mine", "train")[row]["attributes"]["age"] >= 20


def test_the_page_is_whole_and_needs_nothing_beside_it(store, tmp_path):
    path = tmp_path / "card.html"
    card.write(store, path)
    page = path.read_text()
    assert page.count("<section") == 4 and page.count("data:image/png") == 4 + 11
    assert "a face &lt;" in page and "a face <" not in page
    assert 'src="http' not in page and "Files that could not be used" in page


def test_a_store_of_an_older_version_has_a_card(store):
    for file in ("skipped.jsonl", "copies.jsonl", "mine/train/examples.npy"):
        (store.folder / file).unlink()
    path = store.folder / "meta.json"
    meta = json.loads(path.read_text())
    for key in ("copies", "config", "versions", "text_hash", "opted_out"):
        del meta[key]
    for key in ("title", "licence", "citation"):
        del meta["sources"]["mine"][key]
    path.write_text(json.dumps(meta))
    told = card.describe(Store(store.folder))
    assert told.copies is None and told.sources[0].examples == [] and told.sources[0].title == "mine"


def test_another_text_tokenizer_is_refused(store):
    with (store.folder / "text_tokenizer.model").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(UserError, match="not the text tokenizer that this store was made with"):
        Store(store.folder)


def test_pictures_in_the_page_can_be_decoded(store):
    for source in card.describe(store).sources:
        for plot in source.plots:
            assert Image.open(io.BytesIO(plot.image)).width > 300
