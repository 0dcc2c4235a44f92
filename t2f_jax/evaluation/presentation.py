"""Content of an evaluation's report: a source's plots, captioned and analysed faces, samples, loss curves."""

import itertools
import pathlib
from collections.abc import Sequence

import numpy as np

from t2f_jax.config.schema import ReadingConfig
from t2f_jax.evaluation.captions import caption_faces
from t2f_jax.evaluation.held_out import HeldOut
from t2f_jax.evaluation.source_figures import SourceFigures
from t2f_jax.inference.answers import summarize_face
from t2f_jax.inference.model import Model
from t2f_jax.inference.sampler import Sampler
from t2f_jax.io import metrics
from t2f_jax.report import grids, plots
from t2f_jax.report.content import Analysis, Caption, Picture, Samples, SourceReport
from t2f_jax.tokens import templates
from t2f_jax.tokens.attributes import Fields

SHOWN = 8  # faces of a source that the report captions and analyses
PROMPTS = 3  # taken from a source's own faces
GRID = 16  # faces of its reconstruction grid


def source_report(
    model: Model, faces: HeldOut, figures: SourceFigures, how: ReadingConfig | None = None
) -> SourceReport:
    """A source's section of the report: its figures, plots, and the model's answers about its first test faces."""
    shown, fields = faces.images[:SHOWN], faces.fields[:SHOWN]
    probabilities, labels = model.answers(shown, faces.schema, how), faces.training_faces
    chosen = "faces of all splits" if faces.split == "all" else f"{faces.split} faces"
    pngs = [grids.enlarged(face) for face in shown]
    return SourceReport(
        name=faces.name,
        note=f"{len(faces.images)} {chosen}; baselines come from the labels of {labels} training faces",
        attributes=figures.attributes,
        requests=figures.requests,
        reconstruction=figures.reconstruction,
        caption_figures=figures.captions,
        judge_accuracy=figures.judge_accuracy,
        captions=[Caption(png, **record) for png, record in zip(pngs, caption_faces(model, shown, fields, how))],
        analyses=[
            Analysis(png, summarize_face(p, faces.schema), f["attributes"])
            for png, p, f in zip(pngs, probabilities, fields)
        ],
        plots=_plots(figures),
        reconstructions=_reconstructions(model, faces.images[:GRID], figures.reconstruction["psnr"]),
    )


def _plots(figures: SourceFigures) -> list[Picture]:
    pictures = []
    if age := figures.attributes["numbers"].get("age"):
        pictures.append(Picture(plots.age_scatter(age["pairs"], age["mae"]), "Age"))
    if "calibration" in figures.attributes:
        pictures.append(Picture(plots.calibration(figures.attributes["calibration"]), "Calibration"))
    reranking = (figures.requests or {}).get("reranking")
    if figures.requests and reranking and reranking["best"]["seen"] is not None:  # the judge knew what was asked for
        note = (
            f"Best of {reranking['best_of']} by the model's own score: {reranking['best']['seen']:.1%},"
            f" the first one: {reranking['first']['seen']:.1%}."
        )
        curve = plots.guidance_curve(figures.requests["guidance_curve"], reranking)
        pictures.append(Picture(curve, "Guidance and self-reranking", note))
    return pictures


def _reconstructions(model: Model, images: np.ndarray, mean_psnr: float) -> Picture:
    grid = grids.reconstruction_grid(images, model.decode(model.encode(images)), scale=grids.scale(images))
    codes = model.image_tokenizer.config.tokens
    note = f"Each face above its reconstruction from {codes} codes: {mean_psnr:.1f} dB on average."
    return Picture(grids.png(grid), "Reconstructions", note)


def samples(model: Model, prompt: str, count: int, sampler: Sampler, seed: int) -> Samples:
    """`count` faces generated for one prompt, with seeds starting at `seed`."""
    seeds = [seed + i for i in range(count)]
    faces = model.decode(model.generate_codes([prompt] * count, seeds, sampler))
    return Samples(prompt, [grids.enlarged(face) for face in faces], seeds)


def prompts_of(faces: Sequence[Fields]) -> tuple[str, ...]:
    """Prompts for data whose entry names none: a caption of each of the first few faces, or else its labels."""
    said = (f["captions"][0] if f["captions"] else templates.attributes_text(f["attributes"]) for f in faces)
    return tuple(itertools.islice(dict.fromkeys(filter(None, said)), PROMPTS))


def loss_curves(run: pathlib.Path) -> list[Picture]:
    """Loss curves of a decoder's run and its image tokenizer's, if their metrics are in `run`."""
    note = (
        "In training, codes and words may be hidden at random (decoder.tasks.hidden_codes, code_dropout,"
        " prompt_dropout); the held-out loss hides nothing and uses the averaged weights, so it may be lower."
    )
    pictures = []
    for folder, title, words in ((run, "Decoder", note), (run / "tokenizer", "Image tokenizer", "")):
        if (folder / "metrics.jsonl").is_file():
            curve = plots.loss_curves(metrics.read(folder / "metrics.jsonl"))
            pictures += [Picture(curve, title, words)] if curve else []
    return pictures
