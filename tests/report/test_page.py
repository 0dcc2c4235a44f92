import re

import numpy as np
from sample_report import NASTY, content, face, source
from sound_html import parsed

from t2f_jax.evaluation import agreement, attributes
from t2f_jax.report import page
from t2f_jax.report.content import Analysis, Caption, ReportContent, SourceReport
from t2f_jax.tokens.attributes import Attribute


def test_page_is_sound_self_contained_and_escaped():
    text = page.render_report(f"Title {NASTY}", content())
    parser = parsed(text)
    assert "<script" not in text.lower()
    assert all(a["src"].startswith("data:image/png;base64,") for tag, a in parser.tags if tag == "img")
    assert not re.search(r"https?://|@import|url\(", text)
    assert not [tag for tag, _ in parser.tags if tag in ("link", "script", "iframe")]
    assert parser.words.count(NASTY) >= 7
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in parser.tags
    assert all("alt" in a for tag, a in parser.tags if tag == "img")
    links = {a["href"][1:] for tag, a in parser.tags if tag == "a"}
    assert links and links <= {a.get("id") for _, a in parser.tags}
    assert len([1 for tag, _ in parser.tags if tag == "img"]) == 7


def test_page_holds_every_figure_with_its_baseline():
    words = parsed(page.render_report("t", content())).words
    figures = """91.2% 70.4% 87.3% 90.0% 92.5% 93.4% 85.6% 76.5% 321 6.3 19.4 55.5% 5.9 6.6 88.8% 61.1% 96.7% 82.0%
        64.0% 79.0% 8.8 27.3 24.7 13.6 97.0% 346 0.042"""
    for figure in [*figures.split(), "12 min 5 s", "3.00 GiB", '{"data": 2}', "seed 1"]:
        assert figure in words, figure


def test_wrong_answers_are_marked_and_right_ones_are_not():
    text = page.render_report("t", content())
    wrong = re.findall(r'<tr class="wrong"><th>(.*?)</th>', text)
    assert wrong == ["hat"] and text.count("✗") == 1  # an age off by a year is no mistake
    assert "(no)" in text and "(35)" in text and "29 – 41" in text and "(male)" not in text


def test_of_many_answers_the_plain_noes_are_counted():
    answers = {f"trait {i}": {"value": "yes" if i < 3 else "no", "probability": 0.9} for i in range(40)}
    analysis = Analysis(face(), answers, {"trait 3": "yes", "trait 4": "no"})
    text = page.render_report("t", ReportContent(sources=[SourceReport("s", analyses=[analysis])]))
    assert re.findall(r"<th>trait (\d+)</th>", text) == ["0", "1", "2", "3"]
    assert "and 36 more answers" in text


def test_a_range_of_ages_is_a_headline_and_marks_what_lies_far_outside():
    answers = {"age": {"value": 31, "low": 25, "high": 40}}
    faces = [Analysis(face(), answers, {"age": label}) for label in ("30-39", "20-29", "3-9")]
    figures = {"n": 3, "accuracy": 0.5, "interval": [0.2, 0.8], "majority": "3-9", "majority_accuracy": None}
    figures = {"faces": 3, "choices": {}, "numbers": {}, "ranges": {"age": {**figures, "probability": 0.4}}}
    text = page.render_report("t", ReportContent(sources=[SourceReport("s", attributes=figures, analyses=faces)]))
    assert "Age range accuracy" in text and text.count("✗") == 1
    assert "(20-29)" in text and "(3-9)" in text and "(30-39)" not in text


def test_what_is_empty_is_not_shown():
    bare = ReportContent(sources=[SourceReport("real faces", attributes=source().attributes)])
    words = parsed(page.render_report("t", bare)).words
    assert "Attribute accuracy" in words and "judge" not in words and "Training" not in words and "PSNR" not in words
    assert parsed(page.render_report("t", ReportContent())).words.strip()


def test_what_captions_say_is_a_headline():
    figures = {"faces": 500, "precision": 0.913, "precision_interval": [0.9, 0.92], "different": 480}
    figures |= {"recall": 0.634, "recall_interval": [0.61, 0.65], "repeats": 0.058, "repeats_interval": [0.04, 0.08]}
    words = parsed(page.render_report("t", ReportContent(sources=[source(caption_figures=figures)]))).words
    for figure in ("Facts in captions that labels confirm", "91.3%", "90.0% – 92.0%", "63.4% of the", "5.8% of the"):
        assert figure in words, figure
    unknown = {**figures, "precision": None, "precision_interval": None, "recall": None, "recall_interval": None}
    assert "Facts in" not in page.render_report("t", ReportContent(sources=[source(caption_figures=unknown)]))


def test_what_labels_deny_is_struck_out_and_said():
    said = Caption(b"", "A man, <b>no hat</b>.", denied=[[2, 5], [10, 16]])
    text = page.render_report("t", ReportContent(sources=[SourceReport("s", captions=[said])]))
    struck = '<s class="mark" title="contradicts the labels">{}</s>'
    assert f"<p>A {struck.format('man')}, &lt;b&gt;{struck.format('no hat')}&lt;/b&gt;.</p>" in text
    assert "contradicts the face's labels" in parsed(text).words
    none = ReportContent(sources=[SourceReport("s", captions=[Caption(b"", "A man."), Caption(b"", "")])])
    text = page.render_report("t", none)
    assert "<p>A man.</p>" in text and "<p>(no words)</p>" in text and "contradicts" not in text


def test_a_page_serves_several_sources():
    two = ReportContent(sources=[source("drawn"), source("real faces")])
    parser = parsed(page.render_report("t", two))
    ids = [a["id"] for _, a in parser.tags if "id" in a]
    assert len(ids) == len(set(ids)) and {"source-drawn", "source-real-faces"} <= set(ids)
    headings = re.findall(r"<h3>(.*?)</h3>", page.render_report("t", two))
    assert headings.count("drawn") == 1 and headings.count("real faces") == 1


def test_measured_results_can_be_shown():
    """What `evaluate` makes is what the page takes."""
    asked = [{"hat": "yes", "age": 30}, {"hat": "no"}]
    schema = (Attribute("hat", ("no", "yes")), Attribute("age", low=1, high=90))
    requests = agreement.score_requests(asked, [{"hat": "yes", "age": 35}, {"hat": "yes", "age": 2}], schema)

    class Model:
        def answers(self, images, attributes):
            return [{a.name: np.ones(len(a.candidates())) for a in attributes} for _ in images]

    fields = [{"attributes": {"hat": "no", "age": 40}}] * 3
    training = [{"attributes": {"hat": "no", "age": 30}}]
    measured = attributes.measure_attributes(Model(), np.zeros((3, 8, 8, 3), np.uint8), fields, schema, training)
    text = page.render_report("t", ReportContent(sources=[SourceReport("s", attributes=measured, requests=requests)]))
    words = parsed(text).words
    assert "50.0%" in words
    assert "baseline 10.0 years: always the training mean" in words


def test_write_leaves_one_whole_file(tmp_path):
    page.write(tmp_path / "report.html", "t", content())
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text().endswith("</html>\n")
