"""A model's figures, samples and report on disk: what `t2f evaluate`, `t2f report` and `t2f quickstart` leave behind.

DIR/card.json     the figures under fixed names
DIR/results/      everything that the report shows, as JSON and PNG
DIR/report.html   the report
"""

import contextlib
import dataclasses
import pathlib
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from t2f_jax import evaluate as measure
from t2f_jax import evaluate_control as control
from t2f_jax import evaluate_requests, plots, report, report_content, stages
from t2f_jax.config.loader import override, to_config_dict
from t2f_jax.config.schema import Config
from t2f_jax.config.typed import from_dict, to_dict
from t2f_jax.errors import UserError
from t2f_jax.io.files import write_json
from t2f_jax.io.progress import Progress
from t2f_jax.sampler import Sampler

SHOWN = 8  # faces of a source that the report describes and analyses
GRID = 16  # faces of its reconstruction grid
PROMPTS = {
    "synthetic": (
        "a smiling woman with long red hair and glasses",
        "an old man with a beard and a hat",
        "a young girl with short black hair and a scarf",
        "gender : male , age : 40 , background : green , not glasses",
    ),
    "celeba": (
        "a smiling young woman with blond hair",
        "a man with black hair and eyeglasses",
        "gender : female , black hair , not smiling",
    ),
    "utkface": ("gender : male , age : 75", "gender : female , age : 25", "age : 2"),
}


@contextlib.contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Fills in `seconds` and `peak_memory_bytes` (of this process and its children together) while the block runs."""
    import psutil

    me, told, stop = psutil.Process(), {"seconds": 0.0, "peak_memory_bytes": 0.0}, threading.Event()
    start = time.monotonic()

    def sample() -> None:
        total = 0
        for process in [me, *me.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        told["peak_memory_bytes"] = max(told["peak_memory_bytes"], total)
        told["seconds"] = time.monotonic() - start

    def watch() -> None:
        while not stop.wait(0.25):
            sample()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        stop.set()
        thread.join()
        sample()


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
    from t2f_jax import bundle

    model = bundle.load(model_folder)
    settings = to_config_dict(from_dict(Config, model.provenance["config"]))
    override(settings, list(overrides))
    config = from_dict(Config, settings.to_dict())
    sources = stages.open_sources(config)
    measured_sources = [_measure(model, config, source, cache or out / "images", seed) for source in sources.values()]
    kinds = [config.data.sources[name].kind for name in sources]
    prompts = [prompt for kind in kinds for prompt in PROMPTS[kind]]
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
            "versions": stages.versions(),
            "config": to_dict(config),
        },
    )


def _leaves(tree: Any) -> list[Any]:
    import jax

    return jax.tree.leaves(tree)


def _measure(model: Any, config: Config, source: Any, cache: pathlib.Path, seed: int) -> report_content.Source:
    """Everything that is measured on one source's test faces."""
    from t2f_jax import judge
    from t2f_jax.data import images

    settings = config.eval
    name, schema = source.name, source.schema
    test = images.read_images(source, "test", config.data, cache)
    count = min(len(test), settings.faces or len(test))
    rows = np.sort(np.random.default_rng(seed).permutation(len(test))[:count])
    faces, fields = np.asarray(test.images[rows]), [test.fields[i] for i in rows]
    training = [source.fields(i) for i in source.split("train")]

    with Progress(f"analyzing {name}", count, unit="face") as bar:
        attributes = measure.attributes(model, faces, fields, schema, training, _adding(bar), settings.batch_size)
    reconstruction = measure.reconstruction(model, faces, model.vocab.image_size)
    requests, seen = None, None
    if config.data.sources[name].kind == "synthetic":
        drawn = images.read_images(source, "train", config.data, cache)
        with Progress(f"judge of {name}", settings.judge_steps, unit="step") as bar:
            eye = judge.train(drawn.images, drawn.fields, schema, settings.judge_steps, seed, bar.update)
        shares = eye.accuracy(np.asarray(test.images), test.fields)
        seen = float(np.mean([shares[a.name] for a in schema if not a.is_number]))
        sampler = _sampler(config)
        with Progress(f"generating {name}", settings.generated, unit="face") as bar:
            requests, _, _ = evaluate_requests.requests(
                model, eye, fields, schema, settings.generated, seed, sampler, _adding(bar), settings.batch_size
            )
        if settings.curve_faces and model.run_config.tasks.prompt_dropout:
            requests |= _control(model, eye, fields, schema, config, seed)

    shown = faces[:SHOWN]
    answers = [measure.answers(p, schema) for p in model.probabilities(model.encode(shown), schema)]
    captions = measure.captions(model, shown, fields[:SHOWN])
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
    return report_content.Source(
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
            plots.png(plots.reconstruction_grid(faces[:GRID], again, scale=scale)),
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
    return plots.png(plots.grid(face[None], 1, scale))


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


def publish(
    out: pathlib.Path, title: str, content: report_content.ReportContent, spent: dict[str, float]
) -> dict[str, Any]:
    """Writes card, results and report; prints the figures; returns the card."""
    content = dataclasses.replace(content, run={**content.run, **spent})
    card = measure.card(
        {
            s.name: {
                "attributes": s.attributes,
                "requests": s.requests,
                "reconstruction": s.reconstruction,
                "judge_accuracy": s.judge_accuracy,
            }
            for s in content.sources
        },
        spent["seconds"],
        int(spent["peak_memory_bytes"]),
        content.details["protocol"],
    )
    out.mkdir(parents=True, exist_ok=True)
    report_content.save_results(out, title, content)
    report.write(out / "report.html", title, content)
    write_json(out / "card.json", card)
    for key, value in card.items():
        if isinstance(value, float):
            print(f"{key:32} {value:.4g}")
    print(f"report: {out / 'report.html'}")
    return card


def evaluate_and_publish(
    model_folder: pathlib.Path, out: pathlib.Path, overrides: Sequence[str] = ()
) -> dict[str, Any]:
    """`t2f evaluate`."""
    with measured() as spent:
        content = evaluate(model_folder, out, overrides)
    return publish(out, f"t2f_jax: {model_folder}", content, spent)


def rewrite(folder: pathlib.Path) -> pathlib.Path:
    """`t2f report`: the report again from `folder/results`. Raises UserError if there are none."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the --out of `t2f evaluate` or `t2f quickstart`")
    title, content = report_content.load_results(folder)
    report.write(folder / "report.html", title, content)
    return folder / "report.html"


def quickstart(config: Config, out: pathlib.Path) -> dict[str, Any]:
    """`t2f quickstart`: draws, trains, evaluates, reports. Returns the card."""
    with measured() as spent:
        model = stages.train(config, out)
        content = evaluate(model, out)
    return publish(out, "t2f_jax quickstart", content, spent)
