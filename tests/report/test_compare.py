from sample_report import NASTY
from sound_html import parsed

from t2f_jax.report import compare
from t2f_jax.report.compare import Cell, Comparison, Row, Table


def comparison():
    given = {"name": "a/b", "value": 0.25, "n": 40, "unit": "share", "better": "higher", "interval": None}
    better = Cell(given, difference=0.05, interval=(0.01, 0.09), p=0.01, verdict="better")
    why = f"pixels.filter: bicubic | {NASTY}"
    rows = [
        Row("a/b", "share", "higher", [Cell(given), better, Cell(None, why)]),
        Row("images/fid", "", "lower", [Cell(given), Cell(given, difference=-2.0), Cell(None)]),
    ]
    return Comparison(
        ["ours", "theirs", NASTY], [{"model": "abc"}] * 3, [Table("drawn-faces", 40, rows, {"seed": [0, 1]})]
    )


def test_a_page_shows_differences_and_what_was_refused(tmp_path):
    compare.write(tmp_path / "c.html", comparison())
    text = (tmp_path / "c.html").read_text()
    words = " ".join(parsed(text).words.split())
    assert "25.0%" in words and "+5.0" in words and "(+1.0 to +9.0)" in words and "better" in words
    assert "other protocol" in words and f"pixels.filter: bicubic | {NASTY}" in words and "-2" in words
    assert "seed differs, as allowed: 0 | 1" in words and "<script" not in text
