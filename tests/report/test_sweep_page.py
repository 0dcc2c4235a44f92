"""The report of a sweep: sound HTML and Markdown, whatever the words are."""

from sample_report import NASTY
from sound_html import parsed

from t2f_jax.report import sweep_page, sweep_plots
from t2f_jax.report.content import Picture
from t2f_jax.report.sweep_page import Cell, Finding, SweepPage


def page(**changes):
    cells = [Cell("98.2%", "−0.4 points", "worse", "98.1%; 98.3%"), None]
    values = {
        "summary": NASTY,
        "caution": NASTY,
        "overview": {NASTY: NASTY},
        "findings": [Finding(NASTY, NASTY, [(NASTY, [NASTY, "b"])])],
        "figures": ["accuracy", NASTY],
        "rows": {"baseline": [Cell("98.6%"), Cell(NASTY)], NASTY: cells},
        "budget": [["arm", "steps"], [NASTY, "1,200"]],
        "left": {NASTY: NASTY},
        "plots": [Picture(b"png", NASTY)],
        "laws": {"loss": NASTY},
        "notes": [NASTY],
        "details": {"arms": {NASTY: 1}},
    }
    return SweepPage(**{**values, **changes})


def test_the_page_is_sound_and_escaped(tmp_path):
    sweep_page.write(tmp_path / "report.html", NASTY, page())
    text = (tmp_path / "report.html").read_text()
    parser = parsed(text)
    assert "<script" not in text.lower() and parser.words.count(NASTY) >= 12
    assert "98.6%" in parser.words and "98.1%; 98.3%" in parser.words and "−0.4 points, worse" in parser.words


def test_what_is_empty_is_not_shown(tmp_path):
    empty = {name: [] for name in ("findings", "figures", "budget", "plots", "notes")}
    sweep_page.write(
        tmp_path / "report.html", "t", page(**empty, rows={}, left={}, laws={}, details={}, overview={}, caution="")
    )
    assert "<section" not in (tmp_path / "report.html").read_text()


def test_markdown_tables_keep_their_columns(tmp_path):
    sweep_page.write_markdown(tmp_path / "report.md", "t", page(rows={"a|b": [Cell("1"), None]}))
    lines = (tmp_path / "report.md").read_text().splitlines()
    assert "| a\\|b | 1 | – |" in lines and "| --- | --- |" in lines


def test_plots_are_pictures():
    change = sweep_plots.Change("causal", [0.1, 0.2], 0.15, (0.0, 0.3), "worse")
    both = [change, change._replace(interval=None, outcome="")]
    three = {name: both for name in ("loss", "age", "seen")}
    curves = {f"arm{i}": [([1, 2], [2.0, 1.0])] * 2 for i in range(20)}
    law = sweep_plots.law({"a": ([1e4, 1e5], [2.0, 1.0])}, lambda x: x**-0.1, "parameters", "L = x")
    for png in (sweep_plots.differences(three), sweep_plots.learning_curves(curves), law):
        assert png.startswith(b"\x89PNG")
