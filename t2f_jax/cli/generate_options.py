"""The words of `t2f generate`: what can be said on its command line, and what cannot be said together."""

import argparse
import pathlib

from t2f_jax.cli import drawing
from t2f_jax.errors import UserError

SUMMARY = "make faces from words"
DETAIL = (
    "Each PNG carries its prompt, seed, options and the model's hash. An attribute is NAME=VALUE, such as 'hair "
    "color=red'; NAME=VALUE:WEIGHT lets it count by itself, WEIGHT times what it changes, where all without a weight "
    "count --guidance times together."
)


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, got '{text}'")
    return value


def add(sub: argparse.ArgumentParser) -> None:
    """Adds the options of `t2f generate`."""
    asked = sub.add_argument_group("what to make")
    asked.add_argument("--text", default="", metavar="T", help='a description, such as "a smiling woman with red hair"')
    for flag, what in (
        ("attribute", "what the face should show, such as age=34"),
        ("avoid", "what it should not show"),
    ):
        asked.add_argument(
            f"--{flag}", action="append", default=[], metavar="K=V[:W]", help=f"{what}; W: a weight; repeatable"
        )
    asked.add_argument("--complete", type=pathlib.Path, metavar="FILE", help="keep the upper part of this face")
    asked.add_argument("--vary", type=pathlib.Path, metavar="FILE", help="keep codes of this face at random places")
    asked.add_argument(
        "--share", type=float, metavar="S", help="how much of it to keep (0.5 to --complete, 0.6 --vary)"
    )
    asked.add_argument(
        "--prompts",
        type=pathlib.Path,
        metavar="FILE",
        help="make faces for each line: a description, or JSON with text, attributes, avoid, n, seed; run again, it"
        " makes what is missing; manifest.jsonl tells what each PNG is",
    )
    asked.add_argument("--n", type=_positive, metavar="N", help="number of faces (4; 1 for each line of --prompts)")
    asked.add_argument(
        "--keep",
        type=_positive,
        metavar="K",
        help="only the K of them that show best what was asked, as the model sees it",
    )
    asked.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the first face; the others follow (0)")
    drawing.add(sub, drawing.FACES, "code", "where nothing is said, the values that the model was evaluated with")


def check(args: argparse.Namespace) -> None:
    """Raises UserError, naming the flags, for what cannot be said together."""
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
        raise UserError("generate: --keep takes the faces that show best what was asked; give --text or --attribute")
    if args.keep and args.keep > (args.n or 4):
        raise UserError(f"generate: --keep {args.keep} of {args.n or 4} faces; give --n {args.keep} or more")
