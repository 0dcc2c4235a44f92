import sys
import types

import numpy as np
import pytest
from fake_model import BLUE, RED, SCHEMA, FakeJudge, FakeModel, ages, face, numbered

from t2f_jax.config.schema import Config, DataConfig, EvalConfig, SourceConfig
from t2f_jax.data.pixels import ImageSet
from t2f_jax.evaluation import agreement, face_figures, parts, reading, rows
from t2f_jax.evaluation.attributes import count_labels
from t2f_jax.evaluation.cards.protocol import fingerprint
from t2f_jax.evaluation.chunks import Desk
from t2f_jax.evaluation.held_out import HeldOut
from t2f_jax.evaluation.interfaces import Trial
from t2f_jax.evaluation.source_figures import Work
from t2f_jax.inference.sampler import Sampler

FIELDS = [face("male", "no", 30, ["A man."]), face("female", None, 40), face("male", "yes", "50-59")]
ANSWERS = [
    {"gender": [0.9, 0.1], "hat": [0.8, 0.2], "age": ages(a30=1.0)},
    {"gender": [0.6, 0.4], "hat": [0.7, 0.3], "age": ages(a46=1.0)},
    {"gender": [0.2, 0.8], "hat": [0.1, 0.9], "age": ages(a55=1.0)},
]


class Drawn:
    """The source of the faces, as far as parts ask it."""

    name, dataset = "drawn", types.SimpleNamespace(kind="synthetic", title="Drawn faces")

    def split(self, split):
        return range(4) if split == "test" else range(0)

    def id(self, i):
        return "abcd"[i]

    def signature(self, i):
        return f"{i}.png 100"

    def fields(self, i):
        return [*FIELDS, face()][i]


@pytest.fixture
def made(tmp_path):
    every = ImageSet(numbered(4), [*FIELDS, face()], list("abcd"), "drawn", "test", "key")
    faces = HeldOut("drawn", SCHEMA, every, numbered(3), FIELDS, count_labels([], SCHEMA), 0, list("abc"))
    model = FakeModel(ANSWERS, draws=lambda text, seed: RED if seed % 2 else BLUE)
    desk, judge = Desk(tmp_path / "work", 2), FakeJudge()
    asked = [{"gender": "male", "age": 40}, {"gender": "male"}, {"hat": "no"}]
    labels = [dict(f["attributes"]) for f in FIELDS]
    trial = Trial(model, judge, asked, SCHEMA, 6, Sampler(guidance=2.0), labels)
    read, drawn = reading.read_faces(model, faces, desk, judge), agreement.draw(trial, desk, "drawing")
    config = Config(data=DataConfig(sources={"drawn": SourceConfig()}), eval=EvalConfig(guidance=2.0))
    described = Trial(model, judge, (), SCHEMA, 6, Sampler(guidance=2.0), labels[:1], texts=["A man."])
    work = Work(faces, read, judge, trial, drawn, described, agreement.draw(described, desk, "captions"))
    return parts.make(work, model, Drawn(), config, 6, tmp_path)


def values(part):
    return {figure.name: figure.value for figure in part.figures}


def test_faces_have_figures_rows_and_images(made):
    part = made[0]
    assert (part.name, part.n, part.protocol["split"], part.protocol["available"]) == ("drawn-faces", 3, "test", 4)
    assert part.protocol["data"] == fingerprint(Drawn(), [0, 1, 2]) != part.protocol["dataset_fingerprint"]
    found = values(part)
    assert found["attributes/gender/accuracy"] == pytest.approx(1 / 3) and found["attributes/hat/accuracy"] == 1
    assert found["attributes/accuracy"] == pytest.approx((1 / 3 + 1) / 2)
    assert found["attributes/gender/balanced_accuracy"] == pytest.approx(1 / 4)
    assert (found["attributes/age/mae"], found["attributes/age/cs5"]) == (3, 0.5)  # of a range no error is known
    assert (found["attributes/hat/f1"], found["attributes/age/coverage90"]) == (1, 0.5)
    assert (found["captions/rouge_l"], found["captions/repeats"]) == (0, 0)  # "face 0" for "A man."
    read = list(rows.read(part.rows))
    assert [row["id"] for row in read] == ["a", "b", "c"] and read[0]["given"] == ["A man."]
    assert read[1]["labels"] == {"gender": "female", "age": 40} and read[1]["caption"] == "face 1"
    assert read[1]["answers"]["gender"] == {"value": "male", "probability": 0.6}
    assert read[1]["scores"]["attributes/hat/accuracy"] is None
    assert read[1]["answers_again"] == read[1]["answers"] and read[1]["judged_again"]["hat"] == "no"
    assert found["ceiling/model/kept"] == found["ceiling/judge/kept"] == 1 and found["ceiling/model/age/shift"] == 0
    np.testing.assert_array_equal(part.images([2, 0]), numbered(3)[[2, 0]])


def test_requests_have_figures_rows_and_images(made):
    part = made[1]
    assert part.protocol["sampler"]["guidance"] == 2 and part.protocol["judge"]["weights"] == "the judge"
    found = values(part)  # the judge sees a woman without a hat, a man with one, a woman without
    assert found["requests/attributes_seen"] == pytest.approx(2 / 3)
    assert (found["requests/gender/seen"], found["requests/hat/seen"]) == (0.5, 1)
    second = list(rows.read(part.rows))[1]
    assert (second["asked"], second["judged"]["hat"], second["seed"]) == ({"gender": "male"}, "yes", 7)
    assert second["labels"] == {"gender": "female", "age": 40} and "male" in second["text"]
    assert part.images([1])[0, 0, 0, 0] == RED


def test_captions_are_drawn_and_judged(made):
    part = made[2]
    assert (part.name, part.n, part.figures, part.protocol["sampler"]["guidance"]) == ("drawn-texts", 1, (), 2)
    (row,) = rows.read(part.rows)
    assert row["text"] == "A man." and row["asked"] == {} and row["labels"]["hat"] == "no" and row["judged"]
    assert part.images([0]).shape == (1, 2, 2, 3)


def test_every_figure_of_examples_is_what_its_rows_say(made):
    for part in made:
        summed = [f for f in part.figures if f.per_example is not None]
        kept = rows.per_example(part.rows, [f.name for f in summed])
        assert len(kept) == len(summed)
        for figure in summed:
            np.testing.assert_array_equal(kept[figure.name], figure.per_example)
            assert len(figure.per_example) == part.n


def test_without_the_packages_wording_is_left_out(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.bleu", None)
    figures = face_figures.caption_figures(["A man."], [face("male", captions=["A man."])])
    assert [f.name for f in figures] == ["captions/fact_precision", "captions/fact_recall", "captions/repeats"]
    assert "no BLEU, ROUGE-L, CIDEr: the package sacrebleu is missing" in capsys.readouterr().err
