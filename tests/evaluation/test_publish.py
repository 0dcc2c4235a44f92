import contextlib
import json
import math

import damage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_report import content

from t2f_jax.errors import UserError
from t2f_jax.evaluation.publish import publish, rewrite
from t2f_jax.evaluation.resources import Usage
from t2f_jax.evaluation.result import Evaluation
from t2f_jax.report.content import load_results


def published(folder):
    details = {"protocol": {"split": "test"}}
    report = content()
    report.details.update(details)
    return publish(folder, "A title", Evaluation(report, (), details["protocol"]), Usage(12.0, 2 << 30))


def test_card_results_and_report_lie_in_the_folder(tmp_path):
    card = published(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"card.json", "card.md", "results", "report.html"}
    assert json.loads((tmp_path / "card.json").read_text()) == card
    assert card["protocol"] == {"split": "test"} and card["seconds"] == 12.0
    title, written = load_results(tmp_path)
    assert title == "A title" and written.run["peak_memory_bytes"] == 2 << 30
    assert "2.00 GiB" in (tmp_path / "report.html").read_text()


def test_a_figure_that_is_not_defined_is_null_and_shown_as_none(tmp_path):
    report = content()
    report.details["protocol"] = {"split": "test"}
    report.sources[0].reconstruction.update(psnr=math.inf, perplexity=math.nan, interval=[math.nan, 1.0])
    publish(tmp_path, "A title", Evaluation(report, (), {}), Usage(12.0, 2 << 30))
    for file in ("card.json", "results/results.json"):
        text = (tmp_path / file).read_text()
        assert "NaN" not in text and "Infinity" not in text
    page = (tmp_path / "report.html").read_text()
    assert "– dB" in page and "perplexity –" in page and "nan" not in page
    rewrite(tmp_path)
    assert (tmp_path / "report.html").read_text() == page


def test_a_report_is_written_again_from_its_results(tmp_path):
    published(tmp_path)
    before = (tmp_path / "report.html").read_text()
    (tmp_path / "report.html").unlink()
    assert rewrite(tmp_path) == tmp_path / "report.html"
    assert (tmp_path / "report.html").read_text() == before
    with pytest.raises(UserError, match="no such folder"):
        rewrite(tmp_path / "nowhere")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_json_is_shown_or_refused(tmp_path, data):
    published(tmp_path)
    path = tmp_path / "results" / "results.json"
    path.write_bytes(data.draw(damage.any_json(json.loads(path.read_bytes()))))
    with contextlib.suppress(UserError):
        rewrite(tmp_path)
