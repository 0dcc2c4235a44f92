import hashlib
import json
import shutil

import made_cards
import numpy as np
import pytest

from t2f_jax.errors import UserError
from t2f_jax.evaluation.cards import record


@pytest.fixture
def folder(tmp_path):
    made_cards.published(tmp_path / "a")
    return tmp_path / "a"


def test_a_card_holds_every_figure_with_its_protocol_and_groups(folder):
    card = json.loads((folder / "card.json").read_text())
    assert card["format"] == 2 and card["identity"]["model"] == {"name": "", "weights": "abc"}
    assert card["identity"]["program"]["version"] and card["identity"]["versions"] == {"jax": "1.2.3"}
    assert "attribute_accuracy" in card and "sources" in card and card["protocol"] == {"model": "abc"}
    faces, requests = card["parts"]
    assert (faces["name"], faces["n"], requests["name"]) == ("synthetic-faces", 40, "synthetic-requests")
    assert faces["protocol"] == made_cards.PROTOCOL and faces["protocol_id"] != requests["protocol_id"]
    age = next(f for f in faces["figures"] if f["name"] == "attributes/age/mae")
    assert (age["n"], age["unit"], age["interval_over"]) == (40, "years", "examples") and len(age["id"]) == 12
    assert {row["group"] for row in faces["slices"]["attributes/age/mae"]["gender"]} == {"female", "male"}
    assert "images/fid" not in faces["slices"]
    assert sum(map(sum, faces["confusions"]["gender"]["counts"])) == 40 and requests["confusions"] == {}
    file = folder / faces["rows"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == faces["rows_sha256"]


def test_a_card_is_read_from_its_folder_or_file(folder):
    card = record.read(folder)
    assert card.title == "t2f_jax: a" and card.path == folder / "card.json"
    assert record.read(folder / "card.json") == card
    part = card.part("synthetic-faces")
    assert part.figures["images/fid"].value == 12.5 and card.part("other") is None
    kept = part.statistics(["attributes/age/mae", "images/fid"])
    assert list(kept) == ["attributes/age/mae"] and kept["attributes/age/mae"].shape == (40, 2)
    np.testing.assert_allclose(kept["attributes/age/mae"].sum(0)[0] / 40, part.figures["attributes/age/mae"].value)


def test_a_card_without_its_rows_has_no_examples(folder, tmp_path):
    shutil.copy(folder / "card.json", tmp_path / "card.json")
    part = record.read(tmp_path / "card.json").part("synthetic-faces")
    assert part.rows is None and part.statistics(["attributes/age/mae"]) == {}


def test_rows_of_another_evaluation_are_refused(folder):
    rows = folder / "rows" / "drawn-faces.jsonl"
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(UserError, match="not the rows that the card was written with"):
        record.read(folder).part("synthetic-faces").statistics(["attributes/age/mae"])


@pytest.mark.parametrize(
    "text, told",
    [
        ("{", "broken"),
        ('{"parts": []}', "no card of format 2"),
        ('{"format": 2, "parts": [{}]}', "broken .*name|broken .*rows"),
        ('{"format": 2, "parts": []}', "broken"),
    ],
)
def test_what_is_no_card_is_refused(tmp_path, text, told):
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(UserError, match=told):
        record.read(tmp_path)
    with pytest.raises(UserError, match="missing"):
        record.read(tmp_path / "nowhere.json")
