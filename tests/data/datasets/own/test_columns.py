import pathlib

import pytest

from t2f_jax.data.datasets.own import columns
from t2f_jax.data.datasets.own.rows import FilePicture, Row
from t2f_jax.errors import UserError
from t2f_jax.io.framing import POINTS


def read(*values, mapped=""):
    rows = [Row(f"line {k}", f"{k}.jpg", FilePicture(pathlib.Path(f"{k}.jpg")), v) for k, v in enumerate(values)]
    return columns.read(rows, columns.parse_map(mapped, "--columns"), "faces.csv")


def roles(labels):
    return {column.name: column.role for column in labels.columns}


def test_columns_are_read_by_their_names():
    labels = read(
        {"Caption": "A man.\n\n With  a hat. ", "caption_2": "A man.", "Sex": "M", "person": "Ann", "split": "Val"},
        {"Caption": "", "caption_2": None, "Sex": "f", "person": "", "split": ""},
    )
    assert labels.fields[0] == {"attributes": {"gender": "male"}, "captions": ["A man.", "With a hat."]}
    assert labels.fields[1] == {"attributes": {"gender": "female"}, "captions": []}
    assert labels.said == ["validation", None] and labels.persons == ["ann", ""]


def test_columns_of_other_sets_say_what_they_say_there():
    labels = read(
        *[{"Male": sign, "No_Beard": "1", "Wearing_Hat": other} for sign, other in (("1", "-1"), ("-1", "1"))]
    )
    assert labels.fields[0]["attributes"] == {"gender": "male", "no beard": "yes", "wearing hat": "no"}
    assert [a.name for a in labels.schema] == ["gender", "no beard", "wearing hat"]


def test_a_list_of_captions_and_what_is_none():
    assert read({"captions": ["One.", "Two."]}).fields[0]["captions"] == ["One.", "Two."]
    assert read({"text": 3}, {"text": "A."}).broken == {"line 0": "column 'text': 3 is no text"}


def test_captions_that_say_nothing_are_left_out_and_told():
    silent = ["NA", "n/a", "N/A", "?", "null", "NaN", "-", " -- ", "…", "None", "unknown", "<NA>"]
    labels = read(*[{"caption": text} for text in silent], {"caption": "-\nA man."}, {"captions": ["?", "NA", "A 3."]})
    assert [fields["captions"] for fields in labels.fields] == [[]] * len(silent) + [["A man."], ["A 3."]]
    assert labels.silent["line 7"] == ["--"] and labels.silent["line 13"] == ["?", "NA"] and len(labels.silent) == 14
    assert [column.told for column in labels.columns] == ["in 1 of 14 rows", "in 1 of 14 rows"]
    said = ["Nana smiles.", "No caption fits her.", "何も", "4"]
    assert [f["captions"] for f in read(*[{"caption": text} for text in said]).fields] == [[text] for text in said]


def test_the_map_calls_columns_otherwise_and_leaves_some_out():
    labels = read(
        {"words": "A man.", "jahre": "30", "notes": "x"},
        {"words": "A boy.", "jahre": "9", "notes": "x"},
        mapped="caption=words, age=jahre, none=notes",
    )
    assert labels.fields[0] == {"attributes": {"age": 30}, "captions": ["A man."]}
    assert roles(labels) == {"words": "caption", "jahre": "attribute", "notes": "not read"}
    with pytest.raises(UserError, match=r"faces\.csv: no column 'yahre' \(is it 'jahre'\?\); there are jahre"):
        read({"jahre": "30"}, mapped="age=yahre")
    for wrong in ("caption", "=text", "caption="):
        with pytest.raises(UserError, match=r"--columns: .* should be MEANING=YOUR COLUMN"):
            read({"text": "A."}, mapped=wrong)


def test_a_map_that_is_written_the_other_way_round_is_turned(tmp_path):
    with pytest.raises(UserError, match=r"no column 'caption'; the meaning comes first: caption=Note; there are Note"):
        read({"Note": "A man."}, mapped="Note=caption")


def test_only_what_is_known_is_counted_and_a_tick_needs_its_no():
    rows = [{"hair": "red", "hat": "x"}, {"hair": "black", "hat": ""}, {"hair": "?", "hat": "NA"}]
    told = {column.name: column.told for column in read(*rows).columns}
    assert told["hair"] == "hair: red 1, black 1, in 2 of 3 rows"
    assert told["hat"] == "always 'x'; a blank is unknown: write yes where it is so, and no where it is not"
    assert read(*[{"hat": "x"}] * 3).columns[0].told == "always 'x'"


def test_a_column_that_is_called_nearly_as_one_that_counts_is_asked_about():
    with pytest.raises(UserError, match="column 'captoin': is it 'caption'\\? Say columns=\"caption=captoin\""):
        read({"captoin": "A man."})
    assert read({"captoin": "A man."}, mapped="none=captoin").fields[0]["captions"] == []


def test_a_broken_cell_names_its_column_and_what_would_be_right():
    rows = [{"age": str(20 + k), "split": "train"} for k in range(10)]
    labels = read(*rows, {"age": "old", "split": "train"}, {"age": "3", "split": "tset"})
    assert labels.broken == {
        "line 10": "column 'age': 'old' should be a whole number from 0 to 120, or a range such as 20-29 or 70+",
        "line 11": "column 'split': 'tset' should be train, validation or test",
    }
    assert len(labels.fields) == len(labels.rows) == 10
    assert "no UTF-8" in read({"caption": "caf\udce9"}).broken["line 0"]


def test_what_programs_write_beside_labels_is_not_read():
    labels = read(*[{"": str(k), "url": "http://x", "width": 40 + k, "sha256": "f0"} for k in range(9)])
    assert labels.schema == () and set(roles(labels).values()) == {"not read"}


def test_the_order_of_columns_does_not_matter():
    one = read({"age": "30", "hat": "yes"}, {"age": "31", "hat": "no"})
    other = read({"hat": True, "age": 30}, {"hat": False, "age": 31})
    assert (one.schema, one.fields) == (other.schema, other.fields)
    assert list(one.fields[0]["attributes"]) == list(other.fields[0]["attributes"])


def test_what_a_column_was_read_as_is_told():
    rows = [{"hair": "red" if k else "black", "age": k, "notes": f"note {k}"} for k in range(90)]
    told = {column.name: column.told for column in read(*rows).columns}
    assert told["hair"] == "hair: red 89, black 1, in 90 of 90 rows"
    assert told["age"] == "age: a whole number from 0 to 120, in 90 of 90 rows"
    assert told["notes"] == "90 different texts, too many to choose from"


def test_landmarks_are_ten_numbers_or_none():
    names = [f"{point}_{axis}" for point in POINTS for axis in "xy"]
    whole = dict(zip(names, range(10)))
    labels = read({"age": "3", **whole}, {"age": "4", **whole, "nose_x": None}, {"age": "5", **whole, "nose_y": "?"})
    assert labels.landmarks[0].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]] and labels.landmarks[1] is None
    assert labels.broken == {"line 2": "column 'nose_y': '?' should be a place in the image, in pixels"}
    assert roles(labels) == {"age": "attribute"} | dict.fromkeys(names, "landmark")
    odd = {"lx": 0, **whole}
    del odd["lefteye_x"]
    assert read(odd, mapped="lefteye_x=lx").landmarks[0].tolist() == labels.landmarks[0].tolist()
