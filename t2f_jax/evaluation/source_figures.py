"""All that is measured on the test faces of one source."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from t2f_jax.config.schema import Config, EvalConfig
from t2f_jax.data import pixels
from t2f_jax.data.datasets.base import Source
from t2f_jax.evaluation import judge
from t2f_jax.evaluation.agreement import faces_of_requests, make_requests, measure_agreement
from t2f_jax.evaluation.attributes import AttributeFigures, measure_attributes
from t2f_jax.evaluation.captions import CaptionFigures, measure_captions
from t2f_jax.evaluation.guidance import measure_guidance_curve, measure_reranking
from t2f_jax.evaluation.interfaces import Trial
from t2f_jax.evaluation.reconstruction import ReconstructionFigures, measure_reconstruction
from t2f_jax.inference.model import Model
from t2f_jax.inference.sampler import Sampler
from t2f_jax.io.progress import Progress
from t2f_jax.tokens.attributes import Attribute, Fields


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """The faces of a source that a model is measured on, and the labels that baselines come from.

    Attributes:
      every: all test faces; the judge's accuracy is measured on them.
      images, fields: those that the model is measured on, images uint8 [N, S, S, 3].
      training_fields: the labels of the training faces.
    """

    name: str
    schema: tuple[Attribute, ...]
    every: pixels.ImageSet
    images: np.ndarray
    fields: list[Fields]
    training_fields: list[Fields]


@dataclasses.dataclass(frozen=True)
class SourceFigures:
    """What was measured on one source; without a judge the last two are None."""

    attributes: AttributeFigures
    reconstruction: ReconstructionFigures
    captions: CaptionFigures
    requests: Mapping[str, Any] | None = None  # AgreementFigures, and where measured "guidance_curve" and "reranking"
    judge_accuracy: float | None = None  # share of labels of test faces that the judge gets right


def read_held_out(source: Source, config: Config, cache: pathlib.Path, seed: int) -> HeldOut:
    """`config.eval.faces` random test faces of a source (all if it is 0 or more than there are), in the source's order.

    Args:
      cache: folder in which pixels are kept.
    """
    every = pixels.read_images(source, "test", config.data, cache)
    n = min(len(every), config.eval.faces or len(every))
    rows = np.sort(np.random.default_rng(seed).permutation(len(every))[:n])
    return HeldOut(
        name=source.name,
        schema=source.schema,
        every=every,
        images=np.asarray(every.images[rows]),
        fields=[every.fields[i] for i in rows],
        training_fields=[source.fields(i) for i in source.split("train")],
    )


def measure_source(
    model: Model, faces: HeldOut, source: Source, config: Config, cache: pathlib.Path, seed: int
) -> SourceFigures:
    """Measures how attributes are read and images come back; with a judge also whether drawn faces fit their requests.

    Only drawn sources get a judge: their training faces have every label, and none is wrong.
    """
    settings = config.eval
    with Progress(f"analyzing {faces.name}", len(faces.images), unit="face") as bar:
        attributes = measure_attributes(
            *(model, faces.images, faces.fields, faces.schema, faces.training_fields, bar.advance),
            batch_size=settings.batch_size,
        )
    reconstruction = measure_reconstruction(model, faces.images, model.vocab.image_size)
    with Progress(f"describing {faces.name}", len(faces.images), unit="face") as bar:
        captions = measure_captions(model, faces.images, faces.fields, bar.advance, settings.batch_size)
    if not source.dataset.drawn:
        return SourceFigures(attributes, reconstruction, captions)
    trained = _train_judge(source, config, cache, seed)
    accuracy = trained.mean_accuracy(np.asarray(faces.every.images), faces.every.fields)
    trial = Trial(
        model=model,
        judge=trained,
        requests=make_requests(faces.fields, faces.schema, settings.generated, seed),
        schema=faces.schema,
        seed=seed,
        sampler=Sampler.of(settings),
        labels=faces_of_requests(faces.fields, faces.schema, settings.generated, seed),
    )
    with Progress(f"generating {faces.name}", settings.generated, unit="face") as bar:
        requests = {**measure_agreement(trial, bar.advance, settings.batch_size).figures}
    if settings.curve_faces and model.run_config.tasks.prompt_dropout:
        fewer = make_requests(faces.fields, faces.schema, settings.curve_faces, seed)
        labels = faces_of_requests(faces.fields, faces.schema, settings.curve_faces, seed)
        requests |= _guidance_figures(dataclasses.replace(trial, requests=fewer, labels=labels), settings)
    return SourceFigures(attributes, reconstruction, captions, requests, accuracy)


def _train_judge(source: Source, config: Config, cache: pathlib.Path, seed: int) -> judge.Judge:
    drawn = pixels.read_images(source, "train", config.data, cache)
    steps = config.eval.judge_steps
    with Progress(f"judge of {source.name}", steps, unit="step") as bar:
        return judge.train(drawn.images, drawn.fields, source.schema, steps, seed, bar.advance)


def _guidance_figures(trial: Trial, settings: EvalConfig) -> dict[str, Any]:
    faces = len(trial.requests) * (len(settings.guidance_scales) + settings.best_of)
    unguided = dataclasses.replace(trial, sampler=dataclasses.replace(trial.sampler, guidance=1.0))
    with Progress("guidance and reranking", faces, unit="face") as bar:
        return {
            "guidance_curve": measure_guidance_curve(trial, settings.guidance_scales, bar.advance),
            "reranking": measure_reranking(unguided, settings.best_of, bar.advance),
        }
