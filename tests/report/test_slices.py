import pytest

from t2f_jax.report.content import PartReport
from t2f_jax.report.slices import is_main, slice_tables


def figure(name, value=5.0):
    return {"name": name, "value": value, "n": 4, "unit": "", "better": "", "protocol": "x", "interval": None}


def part():
    row = {"group": "female", "n": 2, "value": 3.0, "interval": [2.0, 4.0]}
    groups = {"gender": [row, {"group": "male", "n": 2, "value": 7.0, "interval": None}]}
    figures = [figure("captions/cider_d"), figure("attributes/hat/accuracy"), figure("images/fid")]
    return PartReport("faces", 4, {}, "id", figures, {f["name"]: groups for f in figures[:2]})


def test_values_and_intervals_lie_on_one_scale():
    (table,) = slice_tables(part())
    first, second = table.groups["gender"]
    assert (table.figure["name"], table.title) == ("captions/cider_d", "captions: CIDEr-D")
    assert 0 < first.ends[0] < first.point < first.ends[1]
    assert first.ends[1] < table.whole < second.point < 100 and second.ends is None
    assert (second.point - first.point) / (second.point - table.whole) == pytest.approx(4 / 2)


def test_figures_of_single_attributes_come_after_the_others():
    assert [table.figure["name"] for table in slice_tables(part(), main=False)] == ["attributes/hat/accuracy"]
    assert is_main(figure("attributes/age/mae")) and not is_main(figure("attributes/hat/accuracy"))


def test_groups_that_are_all_alike_have_a_place():
    same = [{"group": g, "n": 1, "value": 5.0, "interval": None} for g in "ab"]
    (table,) = slice_tables(PartReport("faces", 2, {}, "id", [figure("a/b")], {"a/b": {"gender": same}}))
    assert table.whole == table.groups["gender"][0].point == 50
