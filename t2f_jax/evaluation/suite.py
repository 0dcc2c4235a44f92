"""A model's figures, samples and report on disk: what `t2f evaluate`, `t2f report` and `t2f quickstart` leave behind.

DIR/card.json     the figures under fixed names
DIR/results/      everything that the report shows, as JSON and PNG
DIR/report.html   the report
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from t2f_jax import environment
from t2f_jax.config.loader import narrow, override, to_config_dict
from t2f_jax.config.schema import Config
from t2f_jax.config.typed import from_dict, to_dict
from t2f_jax.data.datasets import registry
from t2f_jax.evaluation import agreement
from t2f_jax.evaluation import attributes as measure
from t2f_jax.evaluation import captions as captions_module
from t2f_jax.evaluation import guidance as control
from t2f_jax.evaluation import reconstruction as reconstruction_module
from t2f_jax.inference import answers as answers_module
from t2f_jax.inference.model import load
from t2f_jax.inference.sampler import Sampler
from t2f_jax.io.progress import Progress
from t2f_jax.report import content as report_content
from t2f_jax.report import grids, plots

SHOWN = 8  # faces of a source that the report describes and analyses
GRID = 16  # faces of its reconstruction grid


def evaluate(
    model_folder: pathlib.Path,
    out: pathlib.Path,
    overrides: Sequence[str] = (),
    cache: pathlib.Path | None = None,
    seed: int = 0,
) -> report_content.ReportContent:
    """Measures a model on the test faces of its own sources; leaves `results/` in `out`.

    Args:
      model_folder: what `train` wrote; its provenance names the config, hence the sources.
      overrides: `key=value` for that config, such as `eval.faces=100` or another folder of a source.
      cache: where the pixels are kept (`out/images` if not given).
      seed: of the choice of faces, requests and samples.

    Returns:
      What the report shows, without time and memory.
    """

    model = load(model_folder)
    settings = to_config_dict(from_dict(Config, model.provenance["config"]))
    override(settings, list(overrides))
    config = narrow(settings)
    sources = registry.open_sources(config)
    measured_sources = [_measure(model, config, source, cache or out / "images", seed) for source in sources.values()]
    prompts = [prompt for source in sources.values() for prompt in source.dataset.prompts]
    counts = {name: sum(parts.values()) for name, parts in model.provenance["sources"].items()}
    return report_content.ReportContent(
        summary=(
            "One model that turns words into faces, faces into words, faces into age and attributes. Every face here"
            " comes from the held-out part of the data or was generated; samples are the first ones drawn, not picked."
        ),
        sources=measured_sources,
        samples=[_samples(model, prompt, config, seed) for prompt in prompts],
        curves=_curves(model_folder.parent),
        run={
            "faces": ", ".join(f"{n} {name}" for name, n in counts.items()),
            "training steps": model.provenance["steps"],
            "parameters of the decoder": sum(int(np.size(x)) for x in _leaves(model.params)),
            "parameters of the image tokenizer": sum(int(np.size(x)) for x in _leaves(model.image_tokenizer.params)),
            "image": f"{model.image_size} x {model.image_size} pixels, {model.image_tokenizer.config.tokens} codes "
            f"of {model.vocab.image_size}",
        },
        details={
            "protocol": {
                "split": "test",
                "faces": config.eval.faces or "all",
                "generated": config.eval.generated,
                "sampler": dataclasses.asdict(_sampler(config)),
                "seed": seed,
                "model": model.hash,
                "preprocess": dataclasses.asdict(model.preprocess),
            },
            "versions": environment.versions(),
            "config": to_dict(config),
        },
    )


def _leaves(tree: Any) -> list[Any]:
    import jax

    return jax.tree.leaves(tree)


def _measure(model: Any, config: Config, source: Any, cache: pathlib.Path, seed: int) -> report_content.SourceReport:
    """Everything that is measured on one source's test faces."""
    from t2f_jax.data import pixels
    from t2f_jax.evaluation import judge

    settings = config.eval
    name, schema = source.name, source.schema
    test = pixels.read_images(source, "test", config.data, cache)
    count = min(len(test), settings.faces or len(test))
    rows = np.sort(np.random.default_rng(seed).permutation(len(test))[:count])
    faces, fields = np.asarray(test.images[rows]), [test.fields[i] for i in rows]
    training = [source.fields(i) for i in source.split("train")]

    with Progress(f"analyzing {name}", count, unit="face") as bar:
        attributes = measure.attributes(model, faces, fields, schema, training, _adding(bar), settings.batch_size)
    reconstruction = reconstruction_module.reconstruction(model, faces, model.vocab.image_size)
    requests, seen = None, None
    if source.dataset.drawn:
        drawn = pixels.read_images(source, "train", config.data, cache)
        with Progress(f"judge of {name}", settings.judge_steps, unit="step") as bar:
            eye = judge.train(drawn.images, drawn.fields, schema, settings.judge_steps, seed, bar.update)
        shares = eye.accuracy(np.asarray(test.images), test.fields)
        seen = float(np.mean([shares[a.name] for a in schema if not a.is_number]))
        sampler = _sampler(config)
        with Progress(f"generating {name}", settings.generated, unit="face") as bar:
            requests, _, _ = agreement.requests(
                model, eye, fields, schema, settings.generated, seed, sampler, _adding(bar), settings.batch_size
            )
        if settings.curve_faces and model.run_config.tasks.prompt_dropout:
            requests |= _control(model, eye, fields, schema, config, seed)

    shown = faces[:SHOWN]
    answers = [answers_module.answers(p, schema) for p in model.probabilities(model.encode(shown), schema)]
    captions = captions_module.captions(model, shown, fields[:SHOWN])
    again = model.decode(model.encode(faces[:GRID]))
    pictures = []
    if age := attributes["numbers"].get("age"):
        pictures.append(report_content.Picture(plots.age_scatter(age["pairs"], age["mae"]), "Age"))
    if attributes["choices"]:
        pictures.append(report_content.Picture(plots.calibration(attributes["calibration"]), "Calibration"))
    if requests and "guidance_curve" in requests:
        note = "Best of {best_of} by the model's own reading: {0:.1%}, the first of them: {1:.1%}.".format(
            *(requests["reranking"][k]["seen"] for k in ("best", "first")), **requests["reranking"]
        )
        curve = plots.guidance_curve(requests["guidance_curve"], requests["reranking"])
        pictures.append(report_content.Picture(curve, "Guidance and self-reranking", note))
    scale = max(1, 128 // model.image_size)
    return report_content.SourceReport(
        name=name,
        note=f"{count} test faces; baselines come from the {len(training)} training faces' labels",
        attributes=attributes,
        requests=requests,
        reconstruction=reconstruction,
        judge_accuracy=seen,
        captions=[
            report_content.Caption(_large(face, scale), c["generated"], c["given"]) for face, c in zip(shown, captions)
        ],
        analyses=[
            report_content.Analysis(_large(face, scale), a, f["attributes"])
            for face, a, f in zip(shown, answers, fields)
        ],
        plots=pictures,
        reconstructions=report_content.Picture(
            grids.png(grids.reconstruction_grid(faces[:GRID], again, scale=scale)),
            "Reconstructions",
            f"Each face above what its {model.image_tokenizer.config.tokens} codes give back: "
            f"{reconstruction['psnr']:.1f} dB on average.",
        ),
    )


def _control(model: Any, eye: Any, fields: Any, schema: Any, config: Config, seed: int) -> dict[str, Any]:
    """What guidance and self-reranking do: `guidance_curve` and `reranking` of `evaluate_control`."""
    settings, sampler = config.eval, _sampler(config)
    n, scales = settings.curve_faces, settings.guidance_scales
    asked = (model, eye, fields, schema, n, seed)
    with Progress("guidance and reranking", n * (len(scales) + settings.best_of), unit="face") as bar:
        add = _adding(bar)
        curve = control.guidance_curve(*asked, sampler, scales, add)
        unguided = dataclasses.replace(sampler, guidance=1.0)
        return {"guidance_curve": curve, "reranking": control.reranking(*asked, unguided, settings.best_of, add)}


def _sampler(config: Config) -> Sampler:
    """How faces are drawn for the evaluation."""
    settings = config.eval
    return Sampler(settings.temperature, settings.top_k, settings.top_p, settings.guidance, settings.min_p)


def _adding(bar: Progress) -> Any:
    """`measure`'s progress (so many more are done) on a bar (so many are done)."""
    done = [0]

    def add(more: int) -> None:
        done[0] += more
        bar.update(done[0])

    return add


def _large(face: np.ndarray, scale: int) -> bytes:
    return grids.png(grids.grid(face[None], 1, scale))


def _samples(model: Any, prompt: str, config: Config, seed: int) -> report_content.Samples:
    settings = config.eval
    seeds = [seed + i for i in range(max(1, settings.samples // 2))]
    faces = model.decode(model.generate_codes([prompt] * len(seeds), seeds, _sampler(config)))
    return report_content.Samples(prompt, [_large(face, max(1, 128 // model.image_size)) for face in faces], seeds)


def _curves(run: pathlib.Path) -> list[report_content.Picture]:
    """Loss curves of a run's folder, if the model still lies in it."""
    from t2f_jax.io import metrics

    found = []
    note = (
        "In training, codes and words may be hidden at random (decoder.tasks.hidden_codes, prompt_dropout);"
        " held-out faces are read whole, with the averaged weights, so that their loss may be the lower one."
    )
    for folder, title in ((run, "Decoder"), (run / "tokenizer", "Image tokenizer")):
        if (folder / "metrics.jsonl").is_file():
            curve = plots.loss_curves(metrics.read(folder / "metrics.jsonl"))
            found += [report_content.Picture(curve, title, note if folder == run else "")] if curve else []
    return found
