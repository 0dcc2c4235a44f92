"""The commands that train: `t2f quickstart`, `train-tokenizer`, `prepare` and `train`."""

import argparse
import contextlib
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from t2f_jax.cli import evaluate, options
from t2f_jax.errors import UserError

if TYPE_CHECKING:
    from t2f_jax.config.schema import Config

STAGE = options.Needs(uploads=False)
TRAINING = options.Needs(uploads=False, many_steps=True)


def add(commands: options.Commands) -> None:
    """Adds the four commands."""
    sub = options.add_command(
        commands,
        "quickstart",
        quickstart,
        "draw faces, train on them, evaluate, and write a report: everything, in minutes",
        "Run it again after an interruption to resume; a finished run is not changed.",
        TRAINING,
    )
    options.add_out(sub, "where everything goes: report.html, card.json, model/")
    sub.add_argument("--tiny", action="store_true", help="all of it in a minute or two: a first look, not a good model")
    options.add_overrides(sub)

    summary = "train the image tokenizer (VQGAN) of a config"
    sub = options.add_command(commands, "train-tokenizer", train_tokenizer, summary, needs=TRAINING)
    options.add_config(sub)
    options.add_out(sub, "checkpoints, metrics.jsonl, TensorBoard, reconstructions and the finished tokenizer/")
    options.add_overrides(sub)

    summary = "encode every image and train the text tokenizer, once, before training"
    sub = options.add_command(commands, "prepare", prepare, summary, needs=STAGE)
    options.add_config(sub)
    what = "an image tokenizer folder, or a model folder"
    sub.add_argument("--tokenizer", type=options.readable, required=True, metavar="T", help=what)
    options.add_out(sub, "the store that `train --store` reads")
    options.add_overrides(sub)

    sub = options.add_command(
        commands,
        "train",
        train,
        "train the model of a config",
        "Without --store it first trains the image tokenizer and prepares the data, in DIR/tokenizer and DIR/store. "
        "Run it again after an interruption to resume.",
        TRAINING,
    )
    options.add_config(sub)
    options.add_out(sub, "checkpoints, metrics.jsonl, TensorBoard and the finished model/")
    what = "use this image tokenizer instead of training one"
    sub.add_argument("--tokenizer", type=options.readable, metavar="T", help=what)
    sub.add_argument(
        "--store", type=options.readable, metavar="S", help="use this prepared store instead of making one"
    )
    options.add_overrides(sub)


def quickstart(args: argparse.Namespace) -> None:
    """`t2f quickstart`."""
    from t2f_jax import config
    from t2f_jax.experiments import quickstart

    chosen = config.load("quickstart:tiny" if args.tiny else "quickstart", args.overrides)
    evaluate.print_card(quickstart.quickstart(chosen, args.out.path), args.out)


def train_tokenizer(args: argparse.Namespace) -> None:
    """`t2f train-tokenizer`."""
    from t2f_jax.experiments import stages

    with _run_of(args) as config:
        _print_folder(stages.train_tokenizer(config, args.out.path))


def prepare(args: argparse.Namespace) -> None:
    """`t2f prepare`."""
    from t2f_jax.experiments import stages

    with _run_of(args) as config:
        _print_folder(stages.prepare_store(config, args.tokenizer.path(), args.out.path))


def train(args: argparse.Namespace) -> None:
    """`t2f train`."""
    from t2f_jax.experiments import stages

    tokenizer, store = (given.path() if given else None for given in (args.tokenizer, args.store))
    with _run_of(args) as config:
        _print_folder(stages.train(config, args.out.path, tokenizer, store))


@contextlib.contextmanager
def _run_of(args: argparse.Namespace) -> "Iterator[Config]":
    """The config, in a process that has joined its job, which alone writes in --out."""
    from t2f_jax import config
    from t2f_jax.distributed import hosts

    chosen = config.load(args.config, args.overrides)
    for given in (getattr(args, "tokenizer", None), getattr(args, "store", None)):
        if given and pathlib.Path(given.text).resolve() == args.out.path.resolve():
            raise UserError(f"{args.out}: --out is also read; name another folder")
    hosts.join()
    with hosts.alone_in(args.out.path):
        yield chosen


def _print_folder(folder: pathlib.Path) -> None:
    """Prints where the result lies, once however many processes there are."""
    from t2f_jax.distributed import hosts
    from t2f_jax.io.run_folder import RunFolder

    if hosts.first():
        print(RunFolder(folder).origin(), flush=True)
