import dataclasses
import types

import pytest
from fake_model import SCHEMA, FakeModel, ages, face, numbered

from t2f_jax.config.schema import Config, DataConfig, EvalConfig
from t2f_jax.data.datasets.synthetic.source import Synthetic
from t2f_jax.evaluation import source_figures
from t2f_jax.evaluation.attributes import measure_attributes
from t2f_jax.evaluation.source_figures import HeldOut, measure_source, read_held_out

EVAL = EvalConfig(
    faces=3, generated=5, judge_steps=2, guidance=2.0, guidance_scales=(1.0, 2.0), curve_faces=2, best_of=2
)
CONFIG = Config(data=DataConfig(image_size=16), eval=EVAL)
ANSWERS = [{"gender": [0.9, 0.1], "hat": [0.8, 0.2], "age": ages(a30=1.0)}] * 4


class Drawer(FakeModel):
    """Draws a red face, which shows a man with a hat, for every even seed. It takes guidance if it learned to."""

    def __init__(self, prompt_dropout=0.0):
        super().__init__(ANSWERS, draws=lambda prompt, seed: 200 if seed % 2 == 0 else 10)
        self.vocab = types.SimpleNamespace(image_size=256)
        self.run_config = types.SimpleNamespace(tasks=types.SimpleNamespace(prompt_dropout=prompt_dropout))

    def prompt(self, text, attributes):
        return str(attributes)

    def prompt_scores(self, codes, prompts):
        return [{"total": float(row[0])} for row in codes]


class Judge:
    """Sees in every image a man with a hat."""

    def predict(self, images):
        return [{"gender": "male", "hat": "yes"}] * len(images)

    def mean_accuracy(self, images, fields):
        return len(images) / 10


@pytest.fixture
def held_out():
    fields = [face("male", "no", 30), face("female", "yes", 40), face("male", "yes", 50)]
    every = types.SimpleNamespace(images=numbered(4), fields=[*fields, face("male")])
    return HeldOut("faces", SCHEMA, every, numbered(3), fields, [face("male", "no", 20)])


def measured(monkeypatch, tmp_path, held_out, drawn, model):
    trained = []
    monkeypatch.setattr(source_figures.pixels, "read_images", lambda *_: held_out.every)
    monkeypatch.setattr(source_figures.judge, "train", lambda *a: trained.append(a) or Judge())
    source = types.SimpleNamespace(name="faces", schema=SCHEMA, dataset=types.SimpleNamespace(drawn=drawn))
    return measure_source(model, held_out, source, CONFIG, tmp_path, 0), trained


def test_held_out_faces_are_a_fixed_choice_of_the_test_faces(tmp_path):
    source = Synthetic("drawn", 60, 0)
    chosen = read_held_out(source, CONFIG, tmp_path, seed=1)
    assert chosen.images.shape == (3, 16, 16, 3) and len(chosen.every) == 6 and len(chosen.training_fields) == 48
    rows = [chosen.every.fields.index(f) for f in chosen.fields]
    assert rows == sorted(rows)
    assert all((chosen.every.images[row] == image).all() for row, image in zip(rows, chosen.images))
    assert chosen.fields == read_held_out(source, CONFIG, tmp_path, seed=1).fields
    all_faces = dataclasses.replace(CONFIG, eval=dataclasses.replace(CONFIG.eval, faces=0))
    assert len(read_held_out(source, all_faces, tmp_path, seed=1).images) == 6


def test_photographs_get_no_judge(monkeypatch, tmp_path, held_out):
    figures, trained = measured(monkeypatch, tmp_path, held_out, drawn=False, model=Drawer())
    assert trained == [] and figures.requests is None and figures.judge_accuracy is None
    expected = measure_attributes(Drawer(), held_out.images, held_out.fields, SCHEMA, held_out.training_fields)
    assert figures.attributes == expected and figures.reconstruction["faces"] == 3


def test_drawn_faces_get_a_judge_and_guidance_where_the_model_knows_it(monkeypatch, tmp_path, held_out):
    figures, trained = measured(monkeypatch, tmp_path, held_out, drawn=True, model=Drawer())
    assert len(trained) == 1 and trained[0][2:5] == (SCHEMA, 2, 0)
    assert figures.judge_accuracy == 0.4  # over every test face, not only the chosen ones
    assert figures.requests["n"] == 5 and "guidance_curve" not in figures.requests
    guided = Drawer(prompt_dropout=0.1)
    figures, _ = measured(monkeypatch, tmp_path, held_out, drawn=True, model=guided)
    assert [p["guidance"] for p in figures.requests["guidance_curve"]] == [1.0, 2.0]
    assert figures.requests["reranking"]["best_of"] == 2
    scales = [call[2].guidance for call in guided.calls if isinstance(call, tuple)]
    assert scales == [2.0, 1.0, 2.0, 1.0, 1.0]  # generated, the curve, and reranking of two requests without guidance
