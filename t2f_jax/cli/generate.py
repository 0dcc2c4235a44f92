"""`t2f generate`: faces for one prompt, from a given face, or for every line of a file."""

import argparse
import dataclasses
import hashlib
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from t2f_jax.cli import drawing, options
from t2f_jax.errors import UserError
from t2f_jax.io.progress import Progress, say

if TYPE_CHECKING:
    from etils import epath
    from PIL import Image

    from t2f_jax.inference.model import Model
    from t2f_jax.inference.sampler import Sampler
    from t2f_jax.tokens.prompts import Prompt

FACES = 4  # made where no number is given


def add(commands: options.Commands) -> None:
    """Adds the command."""
    sub = options.add_command(
        commands,
        "generate",
        run,
        "generate faces from text and attributes",
        "Each PNG stores its prompt, seed, options and the model's hash. An attribute is NAME=VALUE, such as 'hair "
        "color=red'. NAME=VALUE:WEIGHT gives it a guidance scale of its own; attributes without a weight share "
        "--guidance.",
        options.Needs(first_alone=True),
    )
    options.add_model(sub)
    group = sub.add_argument_group("what to generate")
    group.add_argument("--text", default="", metavar="T", help='a description, such as "a smiling woman with red hair"')
    for flag, what in (
        ("attribute", "what the face should show, such as age=34"),
        ("avoid", "what it should not show"),
    ):
        what = f"{what}; W: a weight; repeatable"
        group.add_argument(f"--{flag}", action="append", default=[], metavar="K=V[:W]", help=what)
    what = "keep the upper part of this face, generate the rest"
    group.add_argument("--complete", type=options.readable, metavar="FILE", help=what)
    what = "keep codes of this face at random places, generate the others"
    group.add_argument("--vary", type=options.readable, metavar="FILE", help=what)
    what = "share of this face to keep (0.5 for --complete, 0.6 for --vary)"
    group.add_argument("--share", type=float, metavar="S", help=what)
    what = (
        "generate faces for each line: a description, or JSON with text, attributes, avoid, n, seed; run again, it"
        " generates what is missing; manifest.jsonl describes each PNG"
    )
    group.add_argument("--prompts", type=options.readable, metavar="FILE", help=what)
    what = "number of faces (4; 1 for each line of --prompts)"
    group.add_argument("--n", type=options.positive, metavar="N", help=what)
    what = "keep only the K faces that fit the prompt best, by the model's own score"
    group.add_argument("--keep", type=options.positive, metavar="K", help=what)
    what = "seed of the first face; the others follow (0)"
    group.add_argument("--seed", type=int, default=0, metavar="S", help=what)
    drawing.add(sub, drawing.FACES, "code", "default: the values that the model was evaluated with")
    options.add_out(sub, "where the PNGs go; a folder holds the faces of one request")
    sub.add_argument("--replace", action="store_true", help="first delete the faces of another request in that folder")


def check(args: argparse.Namespace) -> None:
    """Raises UserError, naming the flags, for options that exclude each other, and a seed that is none."""
    from t2f_jax import arguments

    words = [f"--{flag}" for flag in ("text", "attribute", "avoid") if getattr(args, flag)]
    parts = [f"--{flag}" for flag in ("complete", "vary") if getattr(args, flag)]
    if args.prompts:
        extra = [*words, *parts, *(["--keep"] if args.keep else [])]
        if extra:
            raise UserError(f"generate: --prompts says what to make; leave out {extra[0]}")
    elif not words and not parts:
        raise UserError("generate: say what face to make, with --text, --attribute K=V, or both (or --prompts FILE)")
    if len(parts) == 2:
        raise UserError("generate: --complete and --vary start from one face each; give one of them")
    if args.share is not None and not parts:
        raise UserError("generate: --share is how much of a given face is kept; give --complete FILE or --vary FILE")
    if args.share is not None and not 0 < args.share < 1:
        raise UserError(f"generate: --share must lie above 0 and below 1, got {args.share:g}")
    if args.keep and not words:
        raise UserError("generate: --keep takes the faces that fit the prompt best; give --text or --attribute")
    n = args.n or FACES
    if args.keep and args.keep > n:
        raise UserError(f"generate: --keep {args.keep} of {n} faces; give --n {args.keep} or more")
    arguments.first_seed(args.seed, args.n or (1 if args.prompts else FACES))
    for flag in ("complete", "vary", "prompts"):
        given = getattr(args, flag)
        if given and _is_made(pathlib.Path(given.text), args.out.path, range(args.seed, args.seed + n), args.replace):
            raise UserError(f"generate: --{flag} {given} would be overwritten; give another --out")


def _is_made(file: pathlib.Path, out: pathlib.Path, seeds: range, replace: bool) -> bool:
    """Whether a file that is read has the place of one that is written, or is deleted by --replace."""
    if file.resolve().parent != out.resolve():
        return False
    face = re.fullmatch(r"face-(\d{6,10})\.png", file.name)
    own = ("grid.png", "manifest.jsonl", "request.json")
    return file.name in own or (face is not None and (replace or int(face[1]) in seeds))


def run(args: argparse.Namespace) -> None:
    """Makes the faces. What is wrong on the command line alone is told before a model is read."""
    check(args)
    from t2f_jax.inference import prompt_file
    from t2f_jax.inference.model import load
    from t2f_jax.inference.sampler import Sampler

    given = drawing.given(args, drawing.FACES)
    Sampler(**given)  # raises UserError for a value that is out of range
    if not args.prompts:
        model = load(args.model.path())
        _make(model, args, dataclasses.replace(model.sampler, **given))
        return
    file = args.prompts.path()
    lines = prompt_file.read_lines(file, args.n or 1, args.seed)
    model = load(args.model.path())
    planned = prompt_file.plan_faces(file, lines, model)
    _warn(model, [face.prompt for face in planned])
    _check_folder(args, None)
    _begin_folder(args)
    made = prompt_file.make_faces(model, planned, dataclasses.replace(model.sampler, **given), args.out.path)
    manifest = args.out.origin / prompt_file.MANIFEST
    print(f"{made} faces made, {len(planned) - made} were there; {manifest} lists all")


def _make(model: "Model", args: argparse.Namespace, sampler: "Sampler") -> None:
    """Faces for one prompt, in batches that are saved as they come; --keep compares all of them, so it has one."""
    from t2f_jax.inference.face_folder import REQUEST
    from t2f_jax.inference.token_model import BATCH
    from t2f_jax.io import images
    from t2f_jax.io.files import write_json
    from t2f_jax.tokens import prompts

    wanted, avoid = (prompts.parse(pairs, model.schema) for pairs in (args.attribute, args.avoid))
    prompt, n = model.prompt(args.text, wanted, avoid), args.n or FACES
    _warn(model, [prompt])
    asked = _request(model, args, prompt, n, sampler)
    _check_folder(args, asked)
    faces: list[Image.Image] = []
    with Progress("generate", n, unit="face") as bar:
        for start in range(0, n, n if args.keep else BATCH):
            part = range(start, n if args.keep else min(start + BATCH, n))
            request = {"n": len(part), "seed": args.seed + start, "keep": args.keep, "sampler": sampler}
            new = _faces(model, args, {**request, "text": args.text, "attributes": wanted, "avoid": avoid})
            if not faces:
                _begin_folder(args)
                write_json(args.out.path / REQUEST, asked)
            for face in new:
                images.save_png(args.out.path / _name(face), face, face.info)
            faces += new
            bar.update(part.stop)
    _finish(model, faces, args.out)


def _request(model: "Model", args: argparse.Namespace, prompt: "Prompt", n: int, sampler: "Sampler") -> dict[str, Any]:
    """What is asked, as `request.json` holds it."""
    given = {flag: getattr(args, flag) for flag in ("complete", "vary") if getattr(args, flag)}
    pixels = {flag: model.images(file.path()).tobytes() for flag, file in given.items()}
    return {
        "prompt": str(prompt),
        "options": sampler.to_dict(),
        "model": model.hash,
        "seed": args.seed,
        "keep": args.keep,
        **{flag: hashlib.sha256(values).hexdigest() for flag, values in pixels.items()},
        "share": args.share,
        "n": n,
    }


def _check_folder(args: argparse.Namespace, request: dict[str, Any] | None) -> None:
    """Raises UserError if --out holds faces of another request (None: of a file of prompts) and they shall stay."""
    from t2f_jax.inference import face_folder

    for place in () if args.replace else _places(args.out):
        face_folder.check(place, request)


def _begin_folder(args: argparse.Namespace) -> None:
    """With --replace, deletes the faces of an earlier request."""
    from t2f_jax.inference import face_folder

    for place in _places(args.out) if args.replace else ():
        face_folder.clear(place)


def _places(out: options.Writable) -> "list[pathlib.Path | epath.Path]":
    """The folder; of a bucket's its working copy, too: what an earlier command left there would go up again."""
    return [out.path] if out.origin == out.path else [out.origin, out.path]


def _faces(model: "Model", args: argparse.Namespace, request: Mapping[str, Any]) -> "list[Image.Image]":
    share = {} if args.share is None else {"share": args.share}
    if args.complete:
        return model.complete(args.complete.path(), **share, **request)
    if args.vary:
        return model.vary(args.vary.path(), **share, **request)
    return model.generate(**request)


def _name(face: "Image.Image") -> str:
    return f"face-{face.info['seed']:06d}.png"


def _finish(model: "Model", faces: "Sequence[Image.Image]", out: options.Writable) -> None:
    """Writes the contact sheet and prints what there is; the scores, too, if faces were chosen by them."""
    import numpy as np

    from t2f_jax.io import images
    from t2f_jax.report import grids

    arrays = np.stack([np.asarray(face) for face in faces])
    scale = max(1, 128 // model.image_size)
    sheet = grids.grid(arrays, columns=min(8, len(faces)), scale=scale)
    images.save_png(out.path / "grid.png", sheet, {})
    scored = [face for face in faces if "score" in face.info]
    for face in scored:
        print(f"{out.origin / _name(face)}  log p(prompt | face) {face.info['score']:.3f}")
    order = ", in this order" if len(scored) > 1 else ""
    print(f"{len(faces)} face{'s' * (len(faces) != 1)} in {out} (all of them in grid.png{order})")


def _warn(model: "Model", asked: "Sequence[Prompt]") -> None:
    """Says which prompts the model does not read whole: too long, or with signs that it does not know."""

    def tell(sentences: Sequence[str], what: str) -> None:
        if sentences:
            which = "the prompt is" if len(asked) == 1 else f"{len(sentences)} prompts are"
            say(f"t2f: {which} {what}: {sentences[0][-60:]}")

    sentences = [p.sentence for p in asked]
    tell([s for s in sentences if not model.fits_prompt(s)], "longer than this model reads; the end is left out")
    unread = [", ".join(model.unknown_words(s)) for s in sentences if model.has_unknown_tokens(s)]
    tell(unread, "read only in part, because of characters that this model does not know")
