import json

import celeba_hq
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import registry
from t2f_jax.errors import UserError

# Bangs, Eyeglasses, No_Beard, Smiling, Young of images 0, 1, ...; no row for the last one
GRADES = ((0, 0, 0, 0, 1), (5, 0, 0, 4, 2), (0, 2, 4, 0, 5), (0, 5, 1, 2, 3), (3, 0, 0, 5, 0))
YES = {
    0: ["Young", "No_Beard"],
    1: ["Young", "No_Beard", "Bangs", "Smiling"],
    2: ["Eyeglasses", "Male"],
    3: ["Eyeglasses", "Male", "Smiling", "Young"],  # the grade of age says another thing
    4: ["Young", "No_Beard", "Bangs", "Smiling"],
}


def write_grades(folder, rows):
    lines = ["image_name\tBangs\tEyeglasses\tNo_Beard\tSmiling\tYoung"]
    lines += [f"{number}.jpg\t" + "\t".join(map(str, row)) + "\t" for number, row in enumerate(rows)]
    (folder / "classification_label/combined_annotation_hq.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def folder(tmp_path):
    celeba_hq.make(tmp_path, YES)
    folder = tmp_path / "CelebA-Dialog"
    (folder / "classification_label").mkdir(parents=True)
    (folder / "text").mkdir()
    write_grades(folder, GRADES)
    parts = {"Bangs": "No bangs.", "Eyeglasses": "", "No_Beard": None, "Smiling": "He smiles.", "Young": "Young."}
    captions = {
        f"{n}.jpg": {"attribute_wise_captions": parts, "overall_caption": f"Face {n}  smiles."} for n in range(5)
    }
    captions["1.jpg"]["overall_caption"] = None
    (folder / "text/captions_hq.json").write_text(json.dumps(captions))
    return folder


def open_dialog(folder):
    return registry.open_source(SourceConfig(kind="celeba_dialog", folder=str(folder)), "dialog")


def test_grades_bits_and_captions_are_read(folder):
    source = open_dialog(folder)
    assert source.fields(0)["captions"] == ["Face 0 smiles."] and source.fields(1)["captions"] == []
    young, old = source.fields(1)["attributes"], source.fields(2)["attributes"]
    assert (young["no beard"], young["young"], young["bangs"], young["bangs grade"]) == ("yes", "yes", "yes", 5)
    assert (old["no beard"], old["young"], old["beard grade"], old["age grade"]) == ("no", "no", 4, 5)
    assert old["eyeglasses"] == "yes" and old["sunglasses"] == "no" and old["gender"] == "male"
    assert [(item["id"], item["why"]) for item in source.skipped] == [
        ("5.jpg", "combined_annotation_hq.txt does not name it")
    ]


def test_what_grade_and_bit_disagree_on_is_unknown(folder):
    known = open_dialog(folder).fields(3)["attributes"]
    assert "young" not in known and known["age grade"] == 3
    assert known["eyeglasses"] == "yes" and known["sunglasses"] == "yes"


@pytest.mark.parametrize(("column", "name"), [(2, "No_Beard"), (4, "Young")])
def test_grades_that_run_the_other_way_are_refused(folder, column, name):
    write_grades(folder, [[*row[:column], 5 - row[column], *row[column + 1 :]] for row in GRADES])
    with pytest.raises(UserError, match=rf"combined_annotation_hq\.txt: column {name} contradicts CelebA's labels"):
        open_dialog(folder)


def test_a_grade_that_is_none_is_named(folder):
    write_grades(folder, [(0, 0, 0, 0, 6)])
    with pytest.raises(UserError, match=r"line 2: Young must be a grade from 0 to 5, got '6'"):
        open_dialog(folder)
    (folder / "text/captions_hq.json").write_text('{"7.jpg": {"overall_caption": 3}}')
    with pytest.raises(UserError, match=r"captions_hq\.json, '7\.jpg': 'overall_caption' should be a text"):
        open_dialog(folder)
