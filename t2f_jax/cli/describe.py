"""`t2f caption` and `t2f analyze`: faces described in words, and measured."""

import argparse
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from t2f_jax.cli import drawing, options
from t2f_jax.errors import UserError
from t2f_jax.io.files import defined, write_json
from t2f_jax.io.progress import Progress, say

if TYPE_CHECKING:
    import numpy as np

    from t2f_jax.inference.model import Model

CLOSE = 0.05  # least probability with which another answer is shown beside the likeliest


def add(commands: options.Commands) -> None:
    """Adds both commands."""
    needs = options.Needs(first_alone=True)
    sub = options.add_command(commands, "caption", caption, "describe faces in words", needs=needs)
    _add_faces(sub)
    what = "sample N captions per face, most likely first"
    sub.add_argument("--n", type=options.positive, default=1, metavar="N", help=what)
    what = "at most L word pieces per caption (64)"
    sub.add_argument("--length", type=options.positive, default=64, metavar="L", help=what)
    what = "seed of the first caption; the others follow (0)"
    sub.add_argument("--seed", type=int, default=0, metavar="S", help=what)
    drawing.add(sub, drawing.WORDS, "piece", "default: as in the model's evaluation, or with --n plain sampling")

    summary = "predict age, gender and every other attribute of faces, with probabilities"
    sub = options.add_command(commands, "analyze", analyze, summary, needs=needs)
    _add_faces(sub)
    what = "predict only this attribute; repeatable"
    sub.add_argument("--attribute", action="append", default=[], metavar="NAME", help=what)


def _add_faces(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    parser.add_argument("files", type=options.readable, nargs="+", metavar="FILE", help="image files")
    what = "table of landmarks, like CelebA's list_landmarks_align_celeba.txt (for a model of aligned faces)"
    parser.add_argument("--landmarks", type=options.readable, metavar="TABLE", help=what)
    options.add_json(parser, "answers")


def caption(args: argparse.Namespace) -> None:
    """Prints the likeliest caption of each face, or several drawn ones, the likeliest first."""

    from t2f_jax import arguments
    from t2f_jax.inference.model import load
    from t2f_jax.inference.sampler import Sampler
    from t2f_jax.inference.token_model import BATCH

    _check_json(args)
    arguments.first_seed(args.seed, args.n)
    given = drawing.given(args, drawing.WORDS)
    sampler = Sampler(**given) if given or args.n > 1 else None
    model = load(args.model.path())
    files, images = _read(model, args.files, args.landmarks)
    captions: list[list[tuple[float, str]]] = []
    with Progress("caption", len(images), unit="face") as bar:
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            if args.n > 1:
                several = model.caption_codes(model.encode(batch), args.n, args.length, args.seed, sampler)
                captions += [[(one.log_probability, one.text) for one in face] for face in several]
            elif sampler is None:
                captions += [[(0.0, text)] for text in model.describe(batch, length=args.length)]
            else:
                texts = model.describe_codes(model.encode(batch), [args.seed] * len(batch), sampler, args.length)
                captions += [[(0.0, text)] for text in texts]
            bar.update(len(captions))
    lines: list[str] = []
    records: list[dict[str, Any]] = []
    for file, told in zip(files, captions):
        if args.n == 1:
            lines.append(f"{file}: {told[0][1]}")
            records.append({"file": file, "caption": told[0][1]})
        else:
            lines += [f"{file}: ", *(f"  {score:8.2f}  {text}" for score, text in told)]
            several = [{"caption": text, "log_probability": score} for score, text in told]
            records.append({"file": file, "captions": several})
    _tell(args, lines, records)


def analyze(args: argparse.Namespace) -> None:
    """Prints a table of each face's age and attributes with their probabilities."""
    from t2f_jax.inference.model import load
    from t2f_jax.inference.token_model import BATCH

    _check_json(args)
    model = load(args.model.path())
    attributes = [model.attribute(name).name for name in args.attribute]
    files, images = _read(model, args.files, args.landmarks)
    records: list[dict[str, Any]] = []
    with Progress("analyze", len(images), unit="face") as bar:
        for start in range(0, len(images), BATCH):
            records += model.analyze_images(images[start : start + BATCH], attributes)
            bar.update(len(records))
    lines = [line for file, record in zip(files, records) for line in (file, *table(record))]
    _tell(args, lines, [{"file": f, "attributes": _rounded(r)} for f, r in zip(files, records)])


def _read(
    model: "Model", files: Sequence[options.Readable], table: options.Readable | None
) -> "tuple[list[str], np.ndarray]":
    """The files that can be read, as they were named, and their pixels [N, S, S, 3].

    Corrupt ones are left out, and listed on stderr.

    Raises:
      UserError: a file that is not there, or none that can be read; landmarks for a model that heeds none.
    """
    import numpy as np

    from t2f_jax.io.framing import read_landmarks
    from t2f_jax.io.images import CorruptImage

    aligns = model.preprocess.resize == "landmarks"
    if table and not aligns:
        raise UserError(f"--landmarks: this model reads faces with data.resize={model.preprocess.resize}; leave it out")
    if aligns and not table:
        say("this model was trained on faces aligned by their landmarks; give --landmarks, otherwise faces are cropped")
    known = read_landmarks(table.path()) if table else {}
    names, images, skipped = [], [], []
    for file in files:
        try:
            images.append(model.images(file.path(), [known.get(pathlib.PurePath(file.text).name)])[0])
            names.append(file.text)
        except CorruptImage as error:
            skipped.append(str(error))
    if not names:
        raise UserError(skipped[0] if len(skipped) == 1 else f"none of {len(skipped)} files is readable; {skipped[0]}")
    for line in skipped:
        say(f"t2f: skipped {line}")
    if skipped:
        say(f"t2f: {len(skipped)} of {len(files)} files skipped")
    return names, np.stack(images)


def table(record: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One face's record (`model.Model.analyze`) as aligned lines: name, value, how sure."""
    rows = []
    for name, answer in record.items():
        if "interval_90" in answer:
            low, high = answer["interval_90"]
            sure = f"90% {low}-{high}, mean {answer['mean']:.1f}, mode {answer['mode']}"
            rows.append((name, f"{answer['median']}", f"{'median':>6}  {sure}"))
        else:
            others = sorted(answer["probabilities"].items(), key=lambda pair: -pair[1])[1:]
            close = ", ".join(f"{value} {share:.0%}" for value, share in others if share >= CLOSE)
            rows.append((name, answer["value"], f"{answer['probability']:>6.1%}  {close}".rstrip()))
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    return [f"  {name:{widths[0]}}  {value:{widths[1]}}  {sure}" for name, value, sure in rows]


def _rounded(value: object) -> object:
    """Numbers to six decimals: enough to read, short to write."""
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def _check_json(args: argparse.Namespace) -> None:
    """Raises UserError before any work if --json cannot be written."""
    if args.json:
        args.json.file("--json")


def _tell(args: argparse.Namespace, lines: Sequence[str], records: object) -> None:
    """Prints the answers and writes them as JSON: the one even if nobody reads the other, or its disk is full."""
    try:
        for line in lines:
            print(line)
    finally:
        if args.json:
            write_json(args.json.path, defined(records))
            print(f"written: {args.json}")
