import dataclasses
import types

import numpy as np
import pytest
from fake_model import SCHEMA, FakeModel, ages, face, numbered

from t2f_jax.config.schema import Config, DataConfig, EvalConfig
from t2f_jax.data.pixels import ImageSet
from t2f_jax.evaluation import source_figures
from t2f_jax.evaluation.attributes import count_labels, measure_attributes
from t2f_jax.evaluation.captions import measure_captions
from t2f_jax.evaluation.chunks import Desk
from t2f_jax.evaluation.held_out import HeldOut
from t2f_jax.evaluation.image_figures import drawn_image_figures
from t2f_jax.evaluation.instruments import NOTHING, Instruments
from t2f_jax.evaluation.metrics.networks import FeatureNetwork
from t2f_jax.evaluation.reconstruction import measure_reconstruction
from t2f_jax.evaluation.source_figures import Setup, measure, work_on
from t2f_jax.tokens.prompts import Prompt

EVAL = EvalConfig(
    faces=3, generated=5, judge_steps=2, guidance=2.0, guidance_scales=(1.0, 2.0), curve_faces=2, best_of=2
)
CONFIG = Config(data=DataConfig(image_size=16), eval=EVAL)
TRAINING = [face("male", "no", 20)]
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

    hash = "a judge"

    def predict(self, images):
        return [{"gender": "male", "hat": "yes"}] * len(images)

    def mean_accuracy(self, images, fields):
        return len(images) / 10


@pytest.fixture
def held_out():
    fields = [face("male", "no", 30), face("female", "yes", 40), face("male", "yes", 50)]
    every = ImageSet(numbered(4), [*fields, face("male")], list("abcd"), "faces", "test", "key")
    return HeldOut("faces", SCHEMA, every, numbered(3), fields, count_labels(TRAINING, SCHEMA), 1, list("abc"))


def done(monkeypatch, tmp_path, held_out, drawn, model, config=CONFIG, instruments=NOTHING, kept=()):
    """(figures, work, the arguments with which judges were trained)."""
    trained = []
    monkeypatch.setattr(source_figures.pixels, "read_images", lambda *_: held_out.every)
    monkeypatch.setattr(source_figures.judge, "train", lambda *a: trained.append(a) or Judge())
    monkeypatch.setattr(source_figures.judge, "save", lambda path, judge: None)
    dataset = types.SimpleNamespace(drawn=drawn)
    source = types.SimpleNamespace(name="faces", schema=SCHEMA, dataset=dataset, split=lambda split: [0, 1, 2, 3])
    setup = Setup(model, config, tmp_path, 0, Desk(tmp_path / "work", batch_size=2), instruments, kept)
    work = work_on(setup, source, held_out)
    return measure(work, config, 256), work, trained


def test_photographs_get_no_judge(monkeypatch, tmp_path, held_out):
    figures, work, trained = done(monkeypatch, tmp_path, held_out, drawn=False, model=Drawer())
    assert trained == [] and figures.requests is None and figures.judge_accuracy is None
    assert work.drawn.column("judged").tolist() == ["{}"] * 5 and work.described is None  # drawn all the same
    expected = measure_attributes(Drawer(), held_out.images, held_out.fields, SCHEMA, TRAINING)
    assert figures.attributes == expected
    assert figures.reconstruction == measure_reconstruction(Drawer(), held_out.images, 256)
    assert figures.captions == measure_captions(Drawer(), held_out.images, held_out.fields)


def test_drawn_faces_get_a_judge_and_guidance_where_the_model_knows_it(monkeypatch, tmp_path, held_out):
    figures, _, trained = done(monkeypatch, tmp_path / "a", held_out, drawn=True, model=Drawer())
    assert len(trained) == 1 and trained[0][2:5] == (SCHEMA, 2, 0)
    assert figures.judge_accuracy == 0.4  # over every test face, not only the chosen ones
    assert figures.requests["n"] == 5 and "guidance_curve" not in figures.requests
    guided = Drawer(prompt_dropout=0.1)
    figures, _, _ = done(monkeypatch, tmp_path / "b", held_out, drawn=True, model=guided)
    assert [p["guidance"] for p in figures.requests["guidance_curve"]] == [1.0, 2.0]
    assert figures.requests["reranking"]["best_of"] == 2
    scales = [call[2].guidance for call in guided.calls if isinstance(call, tuple)]
    assert scales[-4:] == [1.0, 2.0, 1.0, 1.0]  # the curve, and reranking of two requests without guidance


def test_a_second_call_finds_what_was_done(monkeypatch, tmp_path, held_out):
    first, _, _ = done(monkeypatch, tmp_path, held_out, drawn=True, model=Drawer())
    again = Drawer()
    assert done(monkeypatch, tmp_path, held_out, drawn=True, model=again)[0] == first
    assert again.calls == []


def test_the_judge_that_the_models_run_has_kept_is_taken(monkeypatch, tmp_path, held_out, capsys):
    names, loaded = [], []
    monkeypatch.setattr(source_figures.Desk, "path", lambda self, name, key: names.append(name) or self.folder / name)
    monkeypatch.setattr(source_figures.judge, "load", lambda path, schema: loaded.append(path.read_bytes()) or Judge())
    for name in ("run", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "judge.safetensors").write_bytes(name.encode())
    places = {"drawn": True, "model": Drawer(), "kept": (tmp_path / "none", tmp_path / "run", tmp_path / "other")}
    assert done(monkeypatch, tmp_path / "a", held_out, **places)[2] == [] and loaded == [b"run"]
    assert (tmp_path / "a" / "judge.safetensors").read_bytes() == b"run", "for the other processes of a job"
    assert f"the one in {tmp_path / 'run'}" in capsys.readouterr().err
    done(monkeypatch, tmp_path / "a", held_out, drawn=True, model=Drawer(), kept=(tmp_path / "other",))
    assert loaded == [b"run", b"run"], "what the evaluation has used before comes first"


@pytest.mark.parametrize("wanted, drawn, count", [("always", False, 1), ("never", True, 0)])
def test_the_config_says_which_sources_get_a_judge(monkeypatch, tmp_path, held_out, wanted, drawn, count):
    config = dataclasses.replace(CONFIG, eval=dataclasses.replace(EVAL, judge=wanted))
    figures, work, trained = done(monkeypatch, tmp_path, held_out, drawn, Drawer(), config)
    assert len(trained) == count and (figures.judge_accuracy is None) == (count == 0)
    assert (work.read.column("answers_again") == work.read.column("answers")).all()


def test_nothing_need_be_drawn(monkeypatch, tmp_path, held_out):
    held_out.fields[1] = face("female", "yes", 40, ["A woman."])
    config = dataclasses.replace(CONFIG, eval=dataclasses.replace(EVAL, generated=0))
    figures, work, _ = done(monkeypatch, tmp_path, held_out, True, Drawer(), config)
    assert work.trial is None and work.described is None and figures.requests is None


def test_captions_of_test_faces_are_drawn(monkeypatch, tmp_path, held_out):
    held_out.fields[1] = face("female", "yes", 40, ["A woman.", "She smiles."])
    model = Drawer()
    _, work, _ = done(monkeypatch, tmp_path, held_out, drawn=False, model=model)
    assert work.described.texts == ["A woman."] and work.described.labels == [
        {"gender": "female", "hat": "yes", "age": 40}
    ]
    assert work.described_drawn.column("codes").tolist() == [[200, 200]]
    (prompt,) = next(call[0] for call in model.calls if isinstance(call, tuple))
    assert prompt == Prompt("A woman.")


def test_networks_look_at_test_faces_and_drawn_ones(monkeypatch, tmp_path, held_out):
    means = FeatureNetwork("clip", {"network": "means"}, 3, lambda x: x.mean((1, 2), dtype=np.float32))
    config = dataclasses.replace(CONFIG, eval=dataclasses.replace(EVAL, sampling_seeds=3, training_faces=2))
    model = Drawer()
    _, work, _ = done(monkeypatch, tmp_path, held_out, False, model, config, Instruments((means,)))
    drawn = work.looked.drawn["requests"]
    assert work.looked.faces["clip"].column("features").shape == (3, 3) and len(drawn) == 3
    assert (drawn[0]["clip"].column("features") != drawn[1]["clip"].column("features")).any()  # other seeds
    assert work.looked.reconstructions["clip"].column("features").shape == (3, 3)
    assert work.looked.training.column("codes").shape == (4, 2)
    model.image_tokenizer = types.SimpleNamespace(code_vectors=lambda codes: np.asarray(codes, np.float32)[:, :, None])
    codes = work.drawn.column("codes")
    found = drawn_image_figures("requests", model, work.instruments, work.looked, codes, work.read.column("codes"))
    named = {figure.name: figure for figure in found}
    assert named["requests/frechet_clip"].interval_over == "sampling seeds"
    assert named["requests/memorization/copies"].n == 5
