import dataclasses

import made_cards
import pytest

from t2f_jax.errors import UserError
from t2f_jax.evaluation.cards import record
from t2f_jax.evaluation.cards.compare import compare


@pytest.fixture
def card(tmp_path):
    def make(name, **given):
        made_cards.published(tmp_path / name, model=name, **given)
        return record.read(tmp_path / name)

    return make


def rows(comparison, part="synthetic-faces"):
    table = next(table for table in comparison.tables if table.part == part)
    return {row.name: row.cells for row in table.rows}


def test_models_are_compared_on_the_same_examples(card):
    found = compare([card("good"), card("bad", worse=0.5)])
    assert found.names == ["good", "bad"] and [i["model"]["weights"] for i in found.identities] == ["good", "bad"]
    first, second = rows(found)["attributes/age/mae"]
    assert (first.difference, first.verdict) == (None, "") and second.difference == pytest.approx(0.5)
    assert second.interval == pytest.approx((0.5, 0.5)) and second.verdict == "worse" and second.p < 0.05
    same = rows(found)["attributes/accuracy"][1]
    assert (same.difference, same.p, same.verdict) == (0, 1, "no difference shown")


def test_a_lower_error_is_better(card):
    assert rows(compare([card("bad", worse=0.5), card("good")]))["attributes/age/mae"][1].verdict == "better"


def test_fid_has_a_difference_and_no_interval(card):
    cell = rows(compare([card("a"), card("b", worse=2.0)]))["images/fid"][1]
    assert (cell.difference, cell.interval, cell.p, cell.verdict) == (2.0, None, None, "")


def test_another_resize_filter_is_refused_and_named(card):
    pixels = {"image_size": 32, "filter": "box"}
    other = card("other", protocol={**made_cards.PROTOCOL, "pixels": pixels})
    found = compare([card("ours"), other])
    cell = rows(found)["attributes/age/mae"][1]
    assert (cell.figure, cell.refused) == (None, "pixels.filter: bicubic | box")
    advice = "if that is what you compare, add --varying pixels.filter"
    names = [row.name for row in found.tables[0].rows]
    assert found.tables[0].refusals == {(1, "pixels.filter: bicubic | box", advice): names}
    assert rows(found, "synthetic-requests")["requests/seen"][1].figure is not None  # these were drawn alike


def test_one_figure_of_another_computation_is_refused_alone(card):
    cells = rows(compare([card("ours"), card("other", line="mae|of:mean|version:1")]))
    assert cells["attributes/age/mae"][1].refused == "metric.of: median | mean"
    assert cells["attributes/accuracy"][1].refused == ""


def test_cards_with_nothing_to_compare_are_refused(card):
    other = card("other", protocol={**made_cards.PROTOCOL, "data": "f" * 16}, guidance=4.0)
    with pytest.raises(
        UserError, match=r"these differ \(ours \| the other\): data: 0123456789abcdef \| ffffffffffffffff"
    ):
        compare([card("ours"), other])
    with pytest.raises(UserError, match="two or more"):
        compare([other])


def test_what_is_to_be_compared_may_vary(card):
    ours, other = card("ours"), card("other", guidance=4.0)
    assert (
        rows(compare([ours, other]), "synthetic-requests")["requests/seen"][1].refused == "sampler.guidance: 2.0 | 4.0"
    )
    for field in ("sampler.guidance", "sampler"):
        found = compare([ours, other], [field])
        assert rows(found, "synthetic-requests")["requests/seen"][1].difference == 0
        assert found.tables[1].varying == {"sampler.guidance": [2.0, 4.0]} and found.tables[0].varying == {}
    with pytest.raises(UserError, match=r"--varying sampler\.guidanc: .* mean sampler\.guidance\?"):
        compare([ours, other], ["sampler.guidanc"])


def test_a_card_without_rows_has_differences_without_intervals(card, tmp_path):
    ours = card("ours")
    card("other", worse=1.0)
    for file in (tmp_path / "other" / "rows").iterdir():
        file.unlink()
    cell = rows(compare([ours, record.read(tmp_path / "other")]))["attributes/age/mae"][1]
    assert (cell.difference, cell.interval) == (pytest.approx(1.0), None)


def test_what_to_do_about_a_refusal_is_told(card):
    def advice(name="attributes/age/mae", **given):
        (cell,) = rows(compare([ours, card("other", **given)]))[name][1:]
        return cell.advice

    ours = card("ours")
    assert "the same data" in advice(protocol={**made_cards.PROTOCOL, "n": 39, "pixels": {}})
    line = "mae|network:face features of t2f_jax|weights:{}|version:1"
    ours = card("ours", line=line.format("a"))
    assert "never comparable between models" in advice(line=line.format("b"))
    judged = {**made_cards.PROTOCOL, "judge": {"steps": 3, "weights": "a"}}
    ours = card("ours", protocol=judged)
    told = advice("attributes/accuracy", protocol={**judged, "judge": {"steps": 3, "weights": "b"}})
    assert "different judges" in told and "images" in told
    assert "--varying" in advice(protocol={**judged, "sampler": {"guidance": 1.0}})


def test_a_sweeps_run_is_called_by_arm_and_seed_and_an_evaluation_by_its_run(card, tmp_path):
    ours = card("s/runs/0a1b/evaluation")
    run = dataclasses.replace(ours, title="width=32-1")
    assert compare([run, card("a/evaluation")]).names == ["width=32-1", "a"]
    assert compare([ours, card("b")]).names == ["0a1b", "b"]
    other = dataclasses.replace(card("t/runs/0a1b/evaluation"), title="width=32-1")
    assert compare([run, other]).names == ["s/width=32-1", "t/width=32-1"]


def test_folders_of_one_name_are_told_apart(card):
    assert compare([card("a/eval"), card("b/eval")]).names == ["a/eval", "b/eval"]
    again = card("c")
    assert compare([again, again]).names == ["c (1)", "c (2)"]
