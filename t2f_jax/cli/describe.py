"""What a model folder is for, from the command line: describe and measure faces (`generation` makes them)."""

import argparse
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from t2f_jax.cli import drawing
from t2f_jax.errors import UserError
from t2f_jax.inference import answers
from t2f_jax.inference.model import Model, load
from t2f_jax.inference.sampler import Sampler
from t2f_jax.inference.token_model import BATCH
from t2f_jax.io import images as imaging
from t2f_jax.io.files import write_json
from t2f_jax.io.progress import Progress

CLOSE = 0.05  # probability from which on another answer is shown beside the likeliest


def _read(model: Model, files: Sequence[str]) -> tuple[list[str], np.ndarray]:
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
    """`t2f caption`: prints the likeliest caption of each face, or of several drawn ones, the likeliest first."""
    writable(args.json)
    given = drawing.given(args, drawing.WORDS)
    sampler = Sampler(**given) if given or args.n > 1 else Sampler(temperature=0.0)
    seeds = range(args.seed, args.seed + args.n)
    model = load(args.model)
    files, images = _read(model, args.files)
    found: list[list[tuple[float, str]]] = []
    with Progress("caption", len(images), unit="face") as bar:
        for start in range(0, len(images), BATCH):
            codes = np.repeat(model.encode(images[start : start + BATCH]), args.n, axis=0)
            texts = model.describe_codes(codes, [*seeds] * (len(codes) // args.n), sampler, args.length)
            scores = model.caption_scores(codes, texts).tolist() if args.n > 1 else [0.0] * len(texts)
            rows = list(zip(scores, texts))
            found += [sorted(set(rows[i : i + args.n]), reverse=True) for i in range(0, len(rows), args.n)]
            bar.update(len(found))
    for file, told in zip(files, found):
        lines = [told[0][1]] if args.n == 1 else ["", *(f"  {score:8.2f}  {text}" for score, text in told)]
        print(f"{file}: " + "\n".join(lines))
    if args.json and args.n == 1:
        _write(args.json, [{"file": f, "caption": told[0][1]} for f, told in zip(files, found)])
    elif args.json:
        told_of = [[{"caption": text, "log_probability": score} for score, text in told] for told in found]
        _write(args.json, [{"file": f, "captions": told} for f, told in zip(files, told_of)])


def analyze(args: argparse.Namespace) -> None:
    """`t2f analyze`: prints a table of each face's age and attributes with their probabilities."""
    writable(args.json)
    model = load(args.model)
    asked = [model.attribute(name) for name in args.attribute] or list(model.schema)
    files, images = _read(model, args.files)
    records: list[dict[str, Any]] = []
    with Progress("analyze", len(images), unit="face") as bar:
        for start in range(0, len(images), BATCH):
            found = model.probabilities(model.encode(images[start : start + BATCH]), asked)
            records += [{a.name: answers.record(a, probs[a.name]) for a in asked} for probs in found]
            bar.update(len(records))
    for file, record in zip(files, records):
        print("\n".join([file, *table(record)]))
    if args.json:
        _write(args.json, [{"file": f, "attributes": _rounded(r)} for f, r in zip(files, records)])


def table(record: dict[str, dict[str, Any]]) -> list[str]:
    """One face's record (`model.Model.analyze`) as aligned lines: name, value, how sure."""
    rows = []
    for name, told in record.items():
        if "interval_90" in told:
            low, high = told["interval_90"]
            sure = f"90% {low}-{high}, mean {told['mean']:.1f}, mode {told['mode']}"
            rows.append((name, f"{told['median']}", f"{'median':>6}  {sure}"))
        else:
            others = sorted(told["probabilities"].items(), key=lambda pair: -pair[1])[1:]
            close = ", ".join(f"{value} {share:.0%}" for value, share in others if share >= CLOSE)
            rows.append((name, told["value"], f"{told['probability']:>6.1%}  {close}".rstrip()))
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    return [f"  {name:{widths[0]}}  {value:{widths[1]}}  {sure}" for name, value, sure in rows]


def _rounded(value: Any) -> Any:
    """Numbers to six decimals: enough to read, short to write."""
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def writable(path: pathlib.Path | None, flag: str = "--json") -> None:
    """Raises UserError before any work if what `flag` asks for could not be written to `path`."""
    if path and path.is_dir():
        raise UserError(f"{path}: this is a folder; {flag} takes a file")
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)


def _write(path: pathlib.Path, value: Any) -> None:
    write_json(path, value)
    print(f"written: {path}")
