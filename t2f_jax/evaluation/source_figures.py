"""Everything that is measured on the test faces of one source.

The processes of a job share the work on faces (`work_on`); the first one makes figures from the results (`measure`).
"""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping
from typing import Any

from t2f_jax import __version__
from t2f_jax.config.schema import Config
from t2f_jax.data import pixels
from t2f_jax.data.datasets.base import Source
from t2f_jax.distributed import hosts
from t2f_jax.evaluation import attributes, captions, judge, looking, reading, reconstruction
from t2f_jax.evaluation.agreement import draw, faces_of_requests, make_requests, measure_agreement
from t2f_jax.evaluation.attributes import AttributeFigures
from t2f_jax.evaluation.captions import CaptionFigures
from t2f_jax.evaluation.chunks import Chunks, Desk
from t2f_jax.evaluation.guidance import draw_curve, draw_reranked, guided, measure_guidance_curve, measure_reranking
from t2f_jax.evaluation.held_out import HeldOut
from t2f_jax.evaluation.instruments import NOTHING, Instruments
from t2f_jax.evaluation.interfaces import Judge, Trial
from t2f_jax.evaluation.looking import Looked
from t2f_jax.evaluation.reconstruction import ReconstructionFigures
from t2f_jax.inference.model import Model
from t2f_jax.inference.sampler import Sampler
from t2f_jax.io.files import write_bytes
from t2f_jax.io.progress import Progress, say


@dataclasses.dataclass(frozen=True)
class SourceFigures:
    """The figures of one source; without a judge the last two are None."""

    attributes: AttributeFigures
    reconstruction: ReconstructionFigures
    captions: CaptionFigures
    requests: Mapping[str, Any] | None = None  # AgreementFigures, and if measured "guidance_curve" and "reranking"
    judge_accuracy: float | None = None  # the judge's accuracy on test faces


@dataclasses.dataclass(frozen=True)
class Work:
    """The results of the work on the faces of a source: `read` (see `reading`), and generated faces.

    Attributes:
      trained: the judge, if there is one.
      trial, drawn: the requests, and the faces generated for them (see `agreement.draw`); None if no face has a label.
      described, described_drawn: the captions of test faces, and the faces generated for them; None without captions.
      looked: features of all these faces by the networks of `instruments`.
      fewer: the requests of guidance curve and reranking, for which `curve` and `reranked` were generated; None if they
        are not measured.
    """

    faces: HeldOut
    read: Chunks
    trained: judge.Judge | None = None
    trial: Trial | None = None
    drawn: Chunks | None = None
    described: Trial | None = None
    described_drawn: Chunks | None = None
    fewer: Trial | None = None
    curve: tuple[Chunks, ...] = ()
    reranked: Chunks | None = None
    looked: Looked = dataclasses.field(default_factory=Looked)
    instruments: Instruments = NOTHING


@dataclasses.dataclass(frozen=True)
class Setup:
    """Settings of the measurements of all sources.

    Attributes:
      cache: where pixels and judges are stored.
      seed: of the choice of faces and requests, and of sampling.
      kept: other folders that are searched for pixels and judges.
    """

    model: Model
    config: Config
    cache: pathlib.Path
    seed: int
    desk: Desk
    instruments: Instruments = NOTHING
    kept: tuple[pathlib.Path, ...] = ()


def work_on(setup: Setup, source: Source, faces: HeldOut) -> Work:
    """Reads faces, generates others, and computes features of both. Every process of a job must call this."""
    work, desk, instruments = _read_and_draw(setup, source, faces), setup.desk, setup.instruments
    looked = looking.look_at_faces(setup.model, faces, work.read, instruments, desk)
    both = {"requests": (work.trial, work.drawn), "texts": (work.described, work.described_drawn)}
    drawn = {
        name: looking.look_at_drawn(trial, chunks, instruments, desk, setup.config.eval.sampling_seeds)
        for name, (trial, chunks) in both.items()
        if trial is not None and chunks is not None
    }
    chosen = setup.config, setup.cache, setup.seed, desk, setup.kept
    training = looking.encode_training_faces(setup.model, source, *chosen)
    return dataclasses.replace(work, looked=dataclasses.replace(looked, drawn=drawn, training=training))


def _read_and_draw(setup: Setup, source: Source, faces: HeldOut) -> Work:
    model, config, desk = setup.model, setup.config, setup.desk
    settings, trained = config.eval, None
    if settings.judge == "always" or (settings.judge == "drawn" and source.dataset.drawn):
        train = functools.partial(_train_judge, setup, source)
        trained = hosts.in_turn(train, f"the judge of {faces.name}")
    work = Work(faces, reading.read_faces(model, faces, desk, trained, setup.instruments, settings), trained)
    work = dataclasses.replace(work, instruments=setup.instruments)
    if described := _described(setup, trained, faces):
        drawn = draw(described, desk, f"drawing captions of {faces.name}")
        work = dataclasses.replace(work, described=described, described_drawn=drawn)
    if not settings.generated or not attributes.labelled(faces.schema, faces.fields):
        return work
    trial = _trial(setup, trained, faces, settings.generated)
    work = dataclasses.replace(work, trial=trial, drawn=draw(trial, desk, f"drawing {faces.name}"))
    if trained is None or not settings.curve_faces or not model.run_config.tasks.prompt_dropout:
        return work
    fewer = _trial(setup, trained, faces, settings.curve_faces)
    curve = draw_curve(fewer, settings.guidance_scales, desk)
    reranked = draw_reranked(guided(fewer, 1.0), settings.best_of, desk)
    return dataclasses.replace(work, fewer=fewer, curve=tuple(curve), reranked=reranked)


def _trial(setup: Setup, trained: Judge | None, faces: HeldOut, count: int) -> Trial:
    seed = setup.seed
    return Trial(
        model=setup.model,
        judge=trained,
        requests=make_requests(faces.fields, faces.schema, count, seed),
        schema=faces.schema,
        seed=seed,
        sampler=Sampler.of(setup.config.eval),
        labels=faces_of_requests(faces.fields, faces.schema, count, seed),
    )


def _described(setup: Setup, trained: Judge | None, faces: HeldOut) -> Trial | None:
    """The first caption of each of the first `setup.config.eval.generated` faces that have one; None if none has."""
    given = [face for face in faces.fields if face["captions"]][: setup.config.eval.generated]
    if not given:
        return None
    return Trial(
        model=setup.model,
        judge=trained,
        requests=(),
        schema=faces.schema,
        seed=setup.seed,
        sampler=Sampler.of(setup.config.eval),
        labels=[face["attributes"] for face in given],
        texts=[face["captions"][0] for face in given],
    )


def _train_judge(setup: Setup, source: Source) -> judge.Judge:
    """The judge of a source, trained unless it is already stored beside the pixels, where other models use it, too.

    A judge found in a folder of `setup.kept` is copied, for the other processes of a job.
    """
    config, seed = setup.config, setup.seed
    drawn = pixels.read_images(source, "train", config.data, setup.cache, setup.kept)
    steps = config.eval.judge_steps
    key = {"data": drawn.key, "schema": [a.to_json() for a in source.schema], "steps": steps, "seed": seed}
    path = Desk(setup.cache, key={"program": __version__}).path("judge", key).with_suffix(".safetensors")
    if path.is_file():
        return judge.load(path, source.schema)
    for other in (folder / path.name for folder in setup.kept):
        if other.is_file():
            say(f"judge of {source.name}: the one in {other.parent}")
            write_bytes(path, other.read_bytes())
            return judge.load(path, source.schema)
    with Progress(f"judge of {source.name}", steps, unit="step") as bar:
        trained = judge.train(drawn.images, drawn.fields, source.schema, steps, seed, bar.advance)
    if hosts.first():
        judge.save(path, trained)
    return trained


def measure(work: Work, config: Config, codebook_size: int) -> SourceFigures:
    """The figures of the finished work; for the first process of a job."""
    faces, settings = work.faces, config.eval
    read = work.read.columns("codes", "answers", "psnr")
    asked = attributes.labelled(faces.schema, faces.fields)
    answers = reading.split_answers(read["answers"], asked)
    found = SourceFigures(
        attributes.score_answers(answers, faces.fields, faces.schema, faces.training),
        reconstruction.score_reconstructions(faces.images, read["psnr"], read["codes"], codebook_size),
        captions.score_captions(work.read.texts("caption"), faces.fields),
    )
    if work.trial is None or work.trained is None or work.drawn is None:
        return found
    accuracy = work.trained.mean_accuracy(faces.every.images, faces.every.fields)
    requests: dict[str, Any] = {**measure_agreement(work.trial, work.drawn)}
    if work.fewer is not None and work.reranked is not None:
        requests["guidance_curve"] = measure_guidance_curve(work.fewer, settings.guidance_scales, work.curve)
        requests["reranking"] = measure_reranking(guided(work.fewer, 1.0), settings.best_of, work.reranked)
    return dataclasses.replace(found, requests=requests, judge_accuracy=accuracy)
