import json
import pathlib

import pytest
from sample_report import content

from t2f_jax.errors import UserError
from t2f_jax.io import files
from t2f_jax.report.content import ReportContent, load_results, save_results

FORMAT_1 = (
    pathlib.Path(__file__).parents[1] / "fixtures" / "results_format_1.json"
)  # of `content()`, without its images


def test_results_come_back_without_a_model(tmp_path):
    folder = save_results(tmp_path, "Title", content())
    assert sorted(p.suffix for p in folder.iterdir()) == [".json"] + [".png"] * 7
    assert load_results(tmp_path) == ("Title", content())
    save_results(tmp_path, "Again", ReportContent())
    assert load_results(tmp_path) == ("Again", ReportContent())
    assert [p.name for p in folder.iterdir()] == ["results.json"]  # nothing is left of the first


def test_missing_or_broken_results_are_told_in_a_line(tmp_path):
    with pytest.raises(UserError, match=r"results\.json: the results of an evaluated run is missing"):
        load_results(tmp_path)
    folder = save_results(tmp_path, "t", content())
    (folder / "samples-0-images-1.png").unlink()
    with pytest.raises(UserError, match=r"samples-0-images-1\.png: an image of the results is missing"):
        load_results(tmp_path)
    samples = [{"prompt": "a man", "images": ["curves-0-image.png"]}]
    contents = ({"unknown": 1}, {"samples": samples}, {"sources": 3}, [])  # a strange key, a missing one, wrong types
    for broken in (
        {"format": 99},
        {"format": 1, "title": "t", "content": {"kind": "ReportContent"}},
        *({"format": 2, "title": "t", "content": c} for c in contents),
    ):
        files.write_json(folder / "results.json", broken)
        with pytest.raises(UserError, match="evaluate the model again"):
            load_results(tmp_path)


def test_a_results_file_reads_nothing_outside_its_folder(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    folder = save_results(tmp_path, "t", content())
    values = json.loads((folder / "results.json").read_text())
    values["content"]["samples"][0]["images"][0] = "../secret.png"
    files.write_json(folder / "results.json", values)
    with pytest.raises(UserError, match="missing"):
        load_results(tmp_path)


def test_results_are_plain_json(tmp_path):
    folder = save_results(tmp_path, "Title", content())
    values = json.loads((folder / "results.json").read_text())
    assert (values["format"], values["title"]) == (2, "Title")
    written = values["content"]
    assert written["summary"] == content().summary and written["run"] == content().run
    assert written["sources"][0]["attributes"] == content().sources[0].attributes
    assert written["curves"] == [{"image": "curves-0-image.png", "title": "Decoder loss", "note": ""}]
    assert (folder / "curves-0-image.png").read_bytes() == content().curves[0].image


def test_results_of_the_format_before_still_open(tmp_path):
    folder = save_results(tmp_path, "Title", content())  # for its images: their names have not changed
    (folder / "results.json").write_text(FORMAT_1.read_text())
    assert load_results(tmp_path) == ("A title", content())
