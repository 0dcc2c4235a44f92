"""What a model folder is for, from the command line: make, describe and measure faces."""

import argparse
import dataclasses
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from t2f_jax import __version__, bundle, imaging, scoring, templates
from t2f_jax.errors import UserError
from t2f_jax.files import write_json
from t2f_jax.progress import Progress
from t2f_jax.sampler import Sampler


def generate(args: argparse.Namespace) -> None:
    """`t2f generate`: N PNGs that carry their prompt, seed, options and the model's hash, and a contact sheet."""
    from t2f_jax import plots

    if not args.text and not args.attribute:
        raise UserError("generate: say what face to make, with --text, --attribute K=V, or both")
    options = {f.name: getattr(args, f.name, None) for f in dataclasses.fields(Sampler)}
    options = {name: value for name, value in options.items() if value is not None}
    Sampler(**options)  # says what is wrong with them before the model is read
    model = bundle.load(args.model)
    sampler = dataclasses.replace(model.sampler, **options)
    attributes = templates.parse_request(args.attribute, model.schema)
    prompt = templates.image_text(args.text, attributes)
    if not model.holds(prompt):
        print(f"t2f: the prompt is longer than this model reads; its end is left out: {prompt[-60:]}", file=sys.stderr)
    seeds = [args.seed + i for i in range(args.n)]
    args.out.mkdir(parents=True, exist_ok=True)
    faces: list[np.ndarray] = []
    with Progress("generate", len(seeds), unit="face") as bar:
        for start in range(0, len(seeds), 32):
            part = seeds[start : start + 32]
            for seed, image in zip(part, model.generate(args.text, attributes, part, sampler)):
                told: dict[str, Any] = {
                    "prompt": prompt,
                    "seed": str(seed),
                    "options": json.dumps(dataclasses.asdict(sampler)),
                    "model": model.hash,
                    "Software": f"t2f_jax {__version__}",
                }
                imaging.save_png(args.out / f"face-{seed:06d}.png", image, told)
                faces.append(image)
            bar.update(len(faces))
    scale = max(1, 128 // model.image_size)
    plots.grid(np.stack(faces), columns=min(8, len(faces)), scale=scale).save(args.out / "grid.png")
    print(f"{len(faces)} faces in {args.out} (all of them in grid.png)")


def _read(model: bundle.Model, files: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The files that can be read and their pixels [N, S, S, 3]; corrupt ones are left out, and listed on stderr.

    Raises:
      UserError: a file that is not there, or none that can be read.
    """
    kept, images, skipped = [], [], []
    for file in files:
        try:
            images.append(model.images(file)[0])
            kept.append(file)
        except imaging.CorruptImage as error:
            skipped.append(str(error))
    if not kept:
        raise UserError(skipped[0] if len(skipped) == 1 else f"none of {len(skipped)} files is readable; {skipped[0]}")
    for line in skipped:
        print(f"t2f: skipped {line}", file=sys.stderr)
    if skipped:
        print(f"t2f: {len(skipped)} of {len(files)} files skipped", file=sys.stderr)
    return kept, np.stack(images)


def caption(args: argparse.Namespace) -> None:
    """`t2f caption`: prints one caption a line."""
    _writable(args.json)
    model = bundle.load(args.model)
    files, images = _read(model, args.files)
    captions: list[str] = []
    with Progress("caption", len(images), unit="face") as bar:
        for start in range(0, len(images), 32):
            part = images[start : start + 32]
            captions += model.caption(part)
            bar.update(len(captions))
    for file, text in zip(files, captions):
        print(f"{file}: {text}")
    if args.json:
        _write(args.json, [{"file": f, "caption": c} for f, c in zip(files, captions)])


def analyze(args: argparse.Namespace) -> None:
    """`t2f analyze`: prints each face's age and attributes with their probabilities."""
    _writable(args.json)
    model = bundle.load(args.model)
    asked = [model.attribute(name.replace("_", " ")) for name in args.attribute] or list(model.schema)
    files, images = _read(model, args.files)
    records = []
    with Progress("analyze", len(images), unit="face") as bar:
        for start in range(0, len(images), 32):
            part = images[start : start + 32]
            records += [record_of(answer, asked) for answer in model.analyze(part, asked)]
            bar.update(len(records))
    for file, record in zip(files, records):
        print(file)
        width = max(len(name) for name in record)
        for name, told in record.items():
            print(f"  {name:{width}}  {_line(told)}")
    if args.json:
        _write(args.json, [{"file": f, "attributes": r} for f, r in zip(files, records)])


def record_of(answer: dict[str, np.ndarray], asked: list[templates.Attribute]) -> dict[str, dict[str, Any]]:
    """One face's answers -> `{name: {"value", "probability", "probabilities"}}`; numbers: mode, mean and interval."""
    record: dict[str, dict[str, Any]] = {}
    for attribute in asked:
        probabilities = answer[attribute.name]
        if attribute.is_number:
            told = scoring.number(attribute, probabilities)
            record[attribute.name] = {
                "value": told.median,
                "mode": told.mode,
                "mean": round(told.mean, 2),
                "interval_90": [told.low, told.high],
            }
        else:
            best = int(probabilities.argmax())
            record[attribute.name] = {
                "value": attribute.values[best],
                "probability": round(float(probabilities[best]), 4),
                "probabilities": {v: round(float(p), 4) for v, p in zip(attribute.values, probabilities)},
            }
    return record


def _line(told: dict[str, Any]) -> str:
    if "interval_90" in told:
        low, high = told["interval_90"]
        return f"{told['value']}  (90% between {low} and {high}; mean {told['mean']:.1f})"
    return f"{told['value']}  ({told['probability']:.0%})"


def _writable(path: pathlib.Path | None) -> None:
    """Raises UserError before any work if answers could not be written to `path`."""
    if path and path.is_dir():
        raise UserError(f"{path}: this is a folder; --json takes a file")
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)


def _write(path: pathlib.Path, value: Any) -> None:
    write_json(path, value)
    print(f"written: {path}")
