"""`t2f generate`: faces for one prompt, from a given face, or for every line of a file."""

import argparse
import dataclasses
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from t2f_jax.cli import drawing, generate_options
from t2f_jax.inference import prompt_file
from t2f_jax.inference.model import Model, load
from t2f_jax.inference.sampler import Sampler
from t2f_jax.inference.token_model import BATCH
from t2f_jax.io import images
from t2f_jax.io.progress import Progress
from t2f_jax.tokens import prompts
from t2f_jax.tokens.prompts import Prompt


def run(args: argparse.Namespace) -> None:
    """`t2f generate`. Raises UserError for what cannot be said together, before a model is read."""
    generate_options.check(args)
    given = drawing.given(args, drawing.FACES)
    Sampler(**given)  # says what is wrong with it before the model is read
    if args.prompts:
        lines = prompt_file.read(args.prompts, args.n or 1, args.seed)
    model = load(args.model)
    sampler = dataclasses.replace(model.sampler, **given)
    if args.prompts:
        jobs = prompt_file.jobs(args.prompts, lines, model)
        _warn(model, [job.prompt for job in jobs])
        prompt_file.make(model, jobs, sampler, args.out)
        return
    asked, avoid = (prompts.parse(pairs, model.schema) for pairs in (args.attribute, args.avoid))
    prompt = model.prompt(args.text, asked, avoid)
    _warn(model, [prompt])
    args.out.mkdir(parents=True, exist_ok=True)
    n = args.n or 4
    faces: list[Image.Image] = []
    with Progress("generate", n, unit="face") as bar:
        for start in range(0, n, n if args.keep else BATCH):  # whole batches are saved as they come
            part = range(start, n if args.keep else min(start + BATCH, n))
            options: dict[str, Any] = {"n": len(part), "seed": args.seed + start, "keep": args.keep, "avoid": avoid}
            faces += _faces(model, args, asked, sampler, options)
            for face in faces[-len(part) :]:
                images.save_png(args.out / f"face-{face.info['seed']:06d}.png", face, face.info)
            bar.update(part.stop)
    _told(model, faces, args.out)


def _faces(
    model: Model, args: argparse.Namespace, asked: Any, sampler: Sampler, options: dict[str, Any]
) -> list[Image.Image]:
    if not args.complete and not args.vary:
        return model.generate(args.text, asked, sampler=sampler, **options)
    start, file = (model.complete, args.complete) if args.complete else (model.vary, args.vary)
    share = {} if args.share is None else {"share": args.share}
    return start(file, text=args.text, attributes=asked, sampler=sampler, **share, **options)


def _told(model: Model, faces: Sequence[Image.Image], out: pathlib.Path) -> None:
    """Writes the contact sheet and prints what there is; the scores, too, if faces were chosen by them."""
    from t2f_jax.report import grids

    arrays = np.stack([np.asarray(face) for face in faces])
    scale = max(1, 128 // model.image_size)
    grids.grid(arrays, columns=min(8, len(faces)), scale=scale).save(out / "grid.png")
    for face in faces:
        if "score" in face.info:
            print(f"{out / 'face-{:06d}.png'.format(face.info['seed'])}  log p(asked | face) {face.info['score']:.3f}")
    print(f"{len(faces)} face{'s' * (len(faces) != 1)} in {out} (all of them in grid.png)")


def _warn(model: Model, asked: Sequence[Prompt]) -> None:
    """Says on stderr which prompts the model does not read whole: too long, or in signs that it does not know."""

    def tell(kept: Sequence[str], what: str) -> None:
        if kept:
            which = "the prompt is" if len(asked) == 1 else f"{len(kept)} prompts are"
            print(f"t2f: {which} {what}: {kept[0][-60:]}", file=sys.stderr)

    sentences = [p.sentence for p in asked]
    tell([s for s in sentences if not model.holds(s)], "longer than this model reads; the end is left out")
    tell([s for s in sentences if model.strange(s)], "not all read, for signs that this model does not know")
