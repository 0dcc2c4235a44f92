import io
import types

import numpy as np
from fake_model import SCHEMA, FakeModel, ages, face, numbered
from PIL import Image

from t2f_jax.evaluation import presentation
from t2f_jax.evaluation.attributes import count_labels, measure_attributes
from t2f_jax.evaluation.captions import measure_captions
from t2f_jax.evaluation.held_out import HeldOut
from t2f_jax.evaluation.reconstruction import measure_reconstruction
from t2f_jax.evaluation.source_figures import SourceFigures
from t2f_jax.io import metrics

ANSWERS = [{"gender": [0.9, 0.1], "hat": [0.8, 0.2], "age": ages(a30=1.0)}] * 12


def model(**options):
    made = FakeModel(ANSWERS, **options)
    made.image_tokenizer = types.SimpleNamespace(config=types.SimpleNamespace(tokens=2))
    return made


def size(png):
    return Image.open(io.BytesIO(png)).size


def test_a_sources_section_shows_its_first_faces_and_plots():
    fields = [face("male", "no", 30, captions=["a man"]), *[face("female", "yes", 40)] * 11]
    held_out = HeldOut("faces", SCHEMA, None, numbered(12), fields, count_labels(fields[:5], SCHEMA), 5)
    attributes = measure_attributes(model(), held_out.images, fields, SCHEMA, fields[:5])
    reconstruction = measure_reconstruction(model(), held_out.images, 16)
    captions = measure_captions(model(), held_out.images, held_out.fields)
    figures = SourceFigures(attributes, reconstruction, captions)
    report = presentation.source_report(model(), held_out, figures)
    assert (
        report.name == "faces"
        and report.note.startswith("12 test faces;")
        and "labels of 5 training faces" in report.note
    )
    assert len(report.captions) == len(report.analyses) == presentation.SHOWN
    assert report.captions[0].generated == "face 0" and report.captions[0].given == ["a man"]
    assert report.analyses[0].answers["age"]["value"] == 30 and report.analyses[1].truth["age"] == 40
    assert size(report.captions[0].image) == (128, 128)  # enlarged from 2 x 2
    assert [picture.title for picture in report.plots] == ["Age", "Calibration"]
    assert report.attributes == attributes and report.requests is None and report.caption_figures == captions
    assert "2 codes" in report.reconstructions.note


def test_the_guidance_plot_tells_what_reranking_reaches():
    seen = {"seen": 0.5, "interval": [0.4, 0.6], "asked": 10}
    requests = {
        "guidance_curve": [{"guidance": scale, **seen} for scale in (1.0, 2.0)],
        "reranking": {"guidance": 1.0, "best_of": 4, "first": seen, "best": {**seen, "seen": 0.75}},
    }
    held_out = HeldOut("faces", SCHEMA, None, numbered(2), [face()] * 2, {}, 0)
    attributes = measure_attributes(model(), held_out.images, held_out.fields, SCHEMA, [])
    reconstruction = measure_reconstruction(model(), held_out.images, 16)
    captions = measure_captions(model(), held_out.images, held_out.fields)
    figures = SourceFigures(attributes, reconstruction, captions, requests, 0.9)
    (plot,) = presentation.source_report(model(), held_out, figures).plots
    assert plot.note == "Best of 4 by the model's own score: 75.0%, the first one: 50.0%."
    unknown = {"seen": None, "interval": None, "asked": 0}  # nothing but numbers was asked for
    requests["guidance_curve"] = [{"guidance": 1.0, **unknown}]
    requests["reranking"] |= {"first": unknown, "best": unknown}
    assert presentation.source_report(model(), held_out, figures).plots == []


def test_samples_are_the_first_seeds():
    drawn = model(draws=lambda prompt, seed: 10 * seed)
    samples = presentation.samples(drawn, "a man", 3, "sampler", seed=4)
    assert (samples.prompt, samples.seeds) == ("a man", [4, 5, 6])
    assert drawn.calls == [(["a man"] * 3, [4, 5, 6], "sampler")]
    assert [np.asarray(Image.open(io.BytesIO(png)))[0, 0, 0] for png in samples.images] == [40, 50, 60]


def test_loss_curves_are_those_that_lie_in_the_run(tmp_path):
    assert presentation.loss_curves(tmp_path) == []
    writer = metrics.Writer(tmp_path / "tokenizer")
    writer.train(1, {"loss": 2.0})
    writer.close()
    (curve,) = presentation.loss_curves(tmp_path)
    assert (curve.title, curve.note) == ("Image tokenizer", "")


def test_prompts_of_data_that_names_none_are_what_its_faces_show():
    faces = [face("male", "no", 30, captions=["A man."]), face("male", "no", 30, captions=["A man.", "Old."])]
    faces += [{"attributes": {}, "captions": []}, *(face("female", "yes", age) for age in (4, 5, 6))]
    assert presentation.prompts_of(faces) == (
        "A man.",
        "gender : female , hat , age : 4",
        "gender : female , hat , age : 5",
    )
    assert presentation.prompts_of([]) == ()
