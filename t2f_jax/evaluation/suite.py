"""Evaluates a model on the test faces of its own sources, for `t2f evaluate`."""

import dataclasses
import functools
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from t2f_jax import __version__, arguments, environment
from t2f_jax.config.schema import Config
from t2f_jax.config.typed import to_dict
from t2f_jax.data.datasets import registry
from t2f_jax.distributed import hosts
from t2f_jax.evaluation import kept, presentation
from t2f_jax.evaluation.chunks import Desk
from t2f_jax.evaluation.held_out import read_held_out
from t2f_jax.evaluation.instruments import open_instruments
from t2f_jax.evaluation.parts import make as make_parts
from t2f_jax.evaluation.publish import publish
from t2f_jax.evaluation.resources import measure_usage
from t2f_jax.evaluation.result import Evaluation
from t2f_jax.evaluation.source_figures import Setup, measure, work_on
from t2f_jax.evaluation.sources import Part, configure
from t2f_jax.inference.model import Model, load
from t2f_jax.inference.sampler import Sampler
from t2f_jax.report.content import ReportContent, SourceReport

WORK = "work"  # in the output folder, until the evaluation is finished
SUMMARY = (
    "One model for text to face, face to caption, face to age and attributes. Every face here is from the held-out"
    " part of the data or was generated; samples are the first ones generated, not selected."
)


def evaluate_and_publish(
    model_folder: pathlib.Path,
    out: pathlib.Path,
    overrides: Sequence[str] = (),
    data: Sequence[str] = (),
    split: Part = "test",
    networks: Sequence[str | pathlib.Path] = (),
    lpips: Sequence[str | pathlib.Path] = (),
    meteor: str | pathlib.Path | None = None,
) -> dict[str, Any]:
    """`evaluate`, then writes card, results and report into `out`. Returns the card, {} except in the first process."""
    with measure_usage() as usage:
        evaluation = evaluate(
            model_folder, out, overrides, data=data, split=split, networks=networks, lpips=lpips, meteor=meteor
        )
    card = publish(out, f"t2f_jax: {evaluation.model}", evaluation, usage) if evaluation else {}
    hosts.wait("the card is written")
    return card


def evaluate(
    model_folder: pathlib.Path,
    out: pathlib.Path,
    overrides: Sequence[str] = (),
    cache: pathlib.Path | None = None,
    seed: int = 0,
    data: Sequence[str] = (),
    split: Part = "test",
    networks: Sequence[str | pathlib.Path] = (),
    lpips: Sequence[str | pathlib.Path] = (),
    meteor: str | pathlib.Path | None = None,
) -> Evaluation | None:
    """Evaluates a model on the test faces of its own sources, or on other data. Every process of a job must call this.

    Intermediate results are stored in `out/work` until the end, so an interrupted evaluation can continue.

    Args:
      model_folder: written by `train`; its provenance has the config, which names the sources.
      overrides: `key=value` for that config, such as `eval.faces=100` or another folder of a source.
      cache: where pixels and judges are stored (`out/images` if not given); those stored by the model's own run are
        used, too, see `kept.folders`.
      seed: of the choice of faces, requests and samples.
      data: other data in place of the model's own sources, see `sources.configure`.
      split: `all` means the three splits together.
      networks, lpips, meteor: users' files, see `instruments.open_instruments`.

    Returns:
      The result, without time and memory; its rows are in `out/rows`. None except in the first process of a job.

    Raises:
      UserError: the folder holds no model, an override is wrong, or a source cannot be opened.
    """
    model_folder, out = arguments.path("model_folder", model_folder), arguments.path("out", out)
    cache, seed = out / "images" if cache is None else arguments.path("cache", cache), arguments.first_seed(seed, 1)
    hosts.join()
    model = load(model_folder)
    config = configure(model, overrides, data)
    desk = Desk(out / WORK, config.eval.batch_size, {"model": model.hash, "program": __version__})
    beside = tuple(folder for folder in kept.folders(model_folder) if folder != cache.resolve())
    setup = Setup(model, config, cache, seed, desk, open_instruments(model, networks, lpips, meteor), beside)
    sources, done = registry.open_sources(config), []
    for source in sources.values():
        read = functools.partial(read_held_out, source, config, cache, seed, split, model.schema, beside)
        held_out = hosts.in_turn(read, f"faces of {source.name}")
        done.append(work_on(setup, source, held_out))
    if not hosts.first():
        return None
    reports, parts, prompts = [], [], []
    for source, work in zip(sources.values(), done):
        figures = measure(work, config, model.vocab.image_size)
        reports.append(presentation.source_report(model, work.faces, figures, config.eval))
        parts += make_parts(work, model, source, config, seed, out)
        prompts += source.dataset.prompts or presentation.prompts_of(work.faces.fields)
    content = _content(model, model_folder, config, reports, prompts, seed, split)
    shutil.rmtree(desk.folder, ignore_errors=True)
    return Evaluation(content, tuple(parts), content.details["protocol"], f"{model.name or 't2f'} ({model.hash[:8]})")


def _content(
    model: Model,
    model_folder: pathlib.Path,
    config: Config,
    reports: list[SourceReport],
    prompts: list[str],
    seed: int,
    split: Part,
) -> ReportContent:
    count = max(1, config.eval.samples // 2)
    return ReportContent(
        summary=SUMMARY,
        sources=reports,
        samples=[presentation.samples(model, prompt, count, Sampler.of(config.eval), seed) for prompt in prompts],
        curves=presentation.loss_curves(model_folder.parent),
        run=_facts(model),
        details={
            "protocol": {
                "split": split,
                "faces": config.eval.faces or "all",
                "generated": config.eval.generated,
                "sampler": Sampler.of(config.eval).to_dict(),
                "seed": seed,
                "model": model.hash,
                "preprocess": dataclasses.asdict(model.preprocess),
            },
            "versions": environment.versions(),
            "config": to_dict(config),
        },
    )


def _facts(model: Model) -> dict[str, Any]:
    """The report's table about the run."""
    counts = {name: sum(parts.values()) for name, parts in model.provenance.get("sources", {}).items()}
    size, tokenizer = model.image_size, model.image_tokenizer
    return {
        "faces": ", ".join(f"{n} {name}" for name, n in counts.items()),
        "training steps": model.provenance.get("steps", 0),
        "parameters of the decoder": _count(model.params),
        "parameters of the image tokenizer": _count(tokenizer.params),
        "image": f"{size} x {size} pixels, {tokenizer.config.tokens} codes of {model.vocab.image_size}",
    }


def _count(params: Any) -> int:
    return sum(int(np.size(leaf)) for leaf in jax.tree.leaves(params))
