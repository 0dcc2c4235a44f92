import json

import pytest
from sample_report import content

from t2f_jax.errors import UserError
from t2f_jax.evaluation.publish import publish, rewrite
from t2f_jax.evaluation.resources import Usage
from t2f_jax.report.content import load_results


def published(folder):
    details = {"protocol": {"split": "test"}}
    report = content()
    report.details.update(details)
    return publish(folder, "A title", report, Usage(12.0, 2 << 30))


def test_card_results_and_report_lie_in_the_folder(tmp_path):
    card = published(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"card.json", "results", "report.html"}
    assert json.loads((tmp_path / "card.json").read_text()) == card
    assert card["protocol"] == {"split": "test"} and card["seconds"] == 12.0
    title, written = load_results(tmp_path)
    assert title == "A title" and written.run["peak_memory_bytes"] == 2 << 30
    assert "2.00 GiB" in (tmp_path / "report.html").read_text()


def test_a_report_is_written_again_from_its_results(tmp_path):
    published(tmp_path)
    before = (tmp_path / "report.html").read_text()
    (tmp_path / "report.html").unlink()
    assert rewrite(tmp_path) == tmp_path / "report.html"
    assert (tmp_path / "report.html").read_text() == before
    with pytest.raises(UserError, match="no such folder"):
        rewrite(tmp_path / "nowhere")
