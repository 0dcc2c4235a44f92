import html.parser
import json
import re

import numpy as np
import pytest

from t2f_jax.errors import UserError
from t2f_jax.evaluation import agreement
from t2f_jax.evaluation import attributes as evaluate
from t2f_jax.io import files
from t2f_jax.report import content as report_content
from t2f_jax.report import grids
from t2f_jax.report import page as report
from t2f_jax.tokens.templates import Attribute

NASTY = "<script>alert('x')</script> & \"quoted\""
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Balanced(html.parser.HTMLParser):
    """Fails on a tag that is closed wrongly or never; collects tags, attributes and words."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.words = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        self.words += data if self.open[-1:] != ["style"] else ""


def parsed(page):
    parser = Balanced()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def face(i=0):
    return grids.png(np.full((8, 8, 3), 10 * i, np.uint8))


def source(name="synthetic", **more):
    mean = {"accuracy": 0.912, "interval": [0.9, 0.925], "balanced_accuracy": 0.873, "majority_accuracy": 0.704}
    choice = {"n": 321, "ece": 0.0, "majority": "no", "accuracy": 0.934, "interval": [0.91, 0.95]}
    choice |= {"balanced_accuracy": 0.856, "majority_accuracy": 0.765}
    age = {"n": 123, "mae": 6.26, "interval": [5.9, 6.6], "mae_training_mean": 19.4, "cs5": 0.555, "pairs": [[1, 2]]}
    measured = {
        "faces": 500,
        "choices": {"hat": choice, NASTY: {**choice, "majority": None, "majority_accuracy": None}},
        "mean": {"attributes": 2, **mean},
        "numbers": {"age": age},
        "calibration": {"ece": 0.0421, "bins": []},
    }
    requests = {
        "n": 88,
        "asked": 456,
        "requested_attributes_seen": 0.888,
        "interval": [0.87, 0.9],
        "requested_attributes_shuffled": 0.611,
        "attributes": {"hat": {"n": 77, "seen": 0.82, "shuffled": 0.64, "balanced": 0.79}},
        "numbers": {"age": {"n": 44, "mae": 8.8, "mae_shuffled": 27.3, "interval": [8, 9]}},
    }
    reconstruction = {"psnr": 24.68, "interval": [24.1, 25.2], "psnr_mean_image": 13.57, "codes_used": 0.97}
    return report_content.Source(
        name,
        note="drawn faces",
        attributes=measured,
        requests=requests,
        reconstruction={"faces": 64, "perplexity": 345.6, "codes_per_image": 64, **reconstruction},
        judge_accuracy=0.967,
        captions=[report_content.Caption(face(1), f"generated {NASTY}", [f"given {NASTY}"])],
        analyses=[
            report_content.Analysis(
                face(2),
                {
                    "hat": {"value": "yes", "probability": 0.71},
                    "gender": {"value": "male", "probability": 0.99},
                    "age": {"value": 34, "low": 29, "high": 41},
                },
                {"hat": "no", "gender": "male", "age": 35},
            )
        ],
        plots=[report_content.Picture(face(3), "Age", NASTY)],
        reconstructions=report_content.Picture(face(4), "Reconstructions"),
        **more,
    )


def content():
    return report_content.ReportContent(
        summary=f"A run. {NASTY}",
        sources=[source()],
        samples=[report_content.Samples(f"a man {NASTY}", [face(5), face(6)], [0, 1])],
        curves=[report_content.Picture(face(7), "Decoder loss")],
        run={"seconds": 725.0, "peak_memory_bytes": 3 * 2**30, "steps": 1000, "mesh": {"data": 2}, NASTY: NASTY},
        details={"config": {"key": NASTY}},
    )


def test_page_is_sound_self_contained_and_escaped():
    page = report.render(f"Title {NASTY}", content())
    parser = parsed(page)
    assert "<script" not in page.lower()
    assert all(a["src"].startswith("data:image/png;base64,") for tag, a in parser.tags if tag == "img")
    assert not re.search(r"https?://|@import|url\(", page)
    assert not [tag for tag, _ in parser.tags if tag in ("link", "script", "iframe")]
    assert parser.words.count(NASTY) >= 7
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in parser.tags
    assert all("alt" in a for tag, a in parser.tags if tag == "img")
    links = {a["href"][1:] for tag, a in parser.tags if tag == "a"}
    assert links and links <= {a.get("id") for _, a in parser.tags}
    assert len([1 for tag, _ in parser.tags if tag == "img"]) == 7


def test_page_holds_every_figure_with_its_baseline():
    words = parsed(report.render("t", content())).words
    figures = """91.2% 70.4% 87.3% 90.0% 92.5% 93.4% 85.6% 76.5% 321 6.3 19.4 55.5% 5.9 6.6 88.8% 61.1% 96.7% 82.0%
        64.0% 79.0% 8.8 27.3 24.7 13.6 97.0% 346 0.042"""
    for figure in [*figures.split(), "12 min 5 s", "3.00 GiB", '{"data": 2}', "seed 1"]:
        assert figure in words, figure


def test_wrong_answers_are_marked_and_right_ones_are_not():
    page = report.render("t", content())
    wrong = re.findall(r'<tr class="wrong"><th>(.*?)</th>', page)
    assert wrong == ["hat"] and page.count("✗") == 1  # an age off by a year is no mistake
    assert "(no)" in page and "(35)" in page and "29 – 41" in page and "(male)" not in page


def test_of_many_answers_the_plain_noes_are_counted():
    answers = {f"trait {i}": {"value": "yes" if i < 3 else "no", "probability": 0.9} for i in range(40)}
    analysis = report_content.Analysis(face(), answers, {"trait 3": "yes", "trait 4": "no"})
    page = report.render("t", report_content.ReportContent(sources=[report_content.Source("s", analyses=[analysis])]))
    assert re.findall(r"<th>trait (\d+)</th>", page) == ["0", "1", "2", "3"]
    assert "and 36 more answered" in page


def test_what_is_empty_is_not_shown():
    bare = report_content.ReportContent(sources=[report_content.Source("real faces", attributes=source().attributes)])
    words = parsed(report.render("t", bare)).words
    assert "Attribute accuracy" in words and "judge" not in words and "Training" not in words and "PSNR" not in words
    assert parsed(report.render("t", report_content.ReportContent())).words.strip()


def test_a_page_serves_several_sources():
    two = report_content.ReportContent(sources=[source("drawn"), source("real faces")])
    parser = parsed(report.render("t", two))
    ids = [a["id"] for _, a in parser.tags if "id" in a]
    assert len(ids) == len(set(ids)) and {"source-drawn", "source-real-faces"} <= set(ids)
    headings = re.findall(r"<h3>(.*?)</h3>", report.render("t", two))
    assert headings.count("drawn") == 1 and headings.count("real faces") == 1


def test_measured_results_can_be_shown():
    """What `evaluate` makes is what the page takes."""
    asked = [{"hat": "yes", "age": 30}, {"hat": "no"}]
    schema = (Attribute("hat", ("no", "yes")), Attribute("age", low=1, high=90))
    requests = agreement.score_requests(asked, [{"hat": "yes", "age": 35}, {"hat": "yes", "age": 2}], schema)

    class Model:
        def encode(self, images):
            return images[:, 0, :, 0]

        def probabilities(self, codes, attributes):
            return [{a.name: np.ones(len(a.candidates())) for a in attributes} for _ in codes]

    fields = [{"attributes": {"hat": "no", "age": 40}}] * 3
    training = [{"attributes": {"hat": "no", "age": 30}}]
    measured = evaluate.attributes(Model(), np.zeros((3, 8, 8, 3), np.uint8), fields, schema, training)
    page = report.render(
        "t", report_content.ReportContent(sources=[report_content.Source("s", attributes=measured, requests=requests)])
    )
    words = parsed(page).words
    assert "50.0%" in words
    assert "baseline 10.0 years: always the training mean" in words


def test_results_come_back_without_a_model(tmp_path):
    folder = report_content.save_results(tmp_path, "Title", content())
    assert sorted(p.suffix for p in folder.iterdir()) == [".json"] + [".png"] * 7
    assert report_content.load_results(tmp_path) == ("Title", content())
    report_content.save_results(tmp_path, "Again", report_content.ReportContent())
    assert report_content.load_results(tmp_path) == ("Again", report_content.ReportContent())
    assert [p.name for p in folder.iterdir()] == ["results.json"]  # nothing is left of the first


def test_missing_or_broken_results_are_told_in_a_line(tmp_path):
    with pytest.raises(UserError, match=r"results\.json: the results of an evaluated run is missing"):
        report_content.load_results(tmp_path)
    folder = report_content.save_results(tmp_path, "t", content())
    (folder / "samples-0-images-1.png").unlink()
    with pytest.raises(UserError, match=r"samples-0-images-1\.png: an image of the results is missing"):
        report_content.load_results(tmp_path)
    for broken in ({"format": 99}, {"format": 1, "title": "t", "content": {"kind": "Unknown", "fields": {}}}):
        files.write_json(folder / "results.json", broken)
        with pytest.raises(UserError, match="evaluate the model again"):
            report_content.load_results(tmp_path)


def test_a_results_file_reads_nothing_outside_its_folder(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    folder = report_content.save_results(tmp_path, "t", content())
    values = json.loads((folder / "results.json").read_text())
    values["content"]["fields"]["summary"] = {"png": "../secret.png"}
    files.write_json(folder / "results.json", values)
    with pytest.raises(UserError, match="missing"):
        report_content.load_results(tmp_path)


def test_write_leaves_one_whole_file(tmp_path):
    report.write(tmp_path / "report.html", "t", content())
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text().endswith("</html>\n")
