import json

import made_cards
import pytest
import yaml

from t2f_jax.evaluation.cards import markdown


@pytest.fixture
def folder(tmp_path):
    made_cards.published(tmp_path / "a")
    return tmp_path / "a"


def test_the_block_is_a_model_index_as_hugging_face_reads_it(folder):
    _, block, _ = (folder / "card.md").read_text().split("---\n", 2)
    model = yaml.safe_load(block)["model-index"][0]
    assert model["name"] == "t2f_jax: a"
    tasks = [(result["task"]["type"], [m["type"] for m in result["metrics"]]) for result in model["results"]]
    assert tasks == [
        ("image-classification", ["accuracy", "mae"]),
        ("text-to-image", ["fid"]),
        ("text-to-image", ["seen"]),
    ]
    dataset = {"name": "Drawn faces", "type": "synthetic", "config": "default", "split": "test"}
    assert model["results"][0]["dataset"] == {**dataset, "revision": "0123456789abcdef"}
    age = model["results"][0]["metrics"][1]
    assert age["args"]["protocol"] == "mae|of:median|version:1" and age["args"]["n"] == 40


def test_hugging_faces_own_reader_takes_it(folder):
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    results = hub.ModelCard.load(folder / "card.md").data.eval_results
    assert [(r.task_type, r.dataset_type, r.metric_type) for r in results][:2] == [
        ("image-classification", "synthetic", "accuracy"),
        ("image-classification", "synthetic", "mae"),
    ]


def test_every_figure_stands_in_the_tables_with_its_protocol(folder):
    text = (folder / "card.md").read_text()
    for part in json.loads((folder / "card.json").read_text())["parts"]:
        for figure in part["figures"]:
            line = next(line for line in text.splitlines() if line.startswith(f"| {figure['name']} "))
            assert figure["protocol"].replace("|", "\\|") in line
            assert line.replace("\\|", "").count("|") == 7
    assert "| gender | female |" in text and "<details><summary>more figures: 1</summary>" in text


def test_a_model_without_parts_has_a_card():
    identity = {"model": {"name": "faces (abc)", "weights": "abc"}, "created": "today"}
    text = markdown.write("A model", identity, [])
    assert "# A model" in text and "| model | name faces (abc), weights abc |" in text and "results: []" in text
    assert "name: faces (abc)" in text


def test_a_part_without_figures_says_why(folder):
    part = {**json.loads((folder / "card.json").read_text())["parts"][1], "figures": [], "slices": {}}
    text = markdown.write("A model", {"model": {"weights": "abc"}}, [part])
    assert "No figure: no judge" in text and "| figure |" not in text
