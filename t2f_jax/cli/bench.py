"""`t2f bench`: what this machine reaches."""

import argparse
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from t2f_jax.cli import options, streams
from t2f_jax.errors import UserError

if TYPE_CHECKING:
    from t2f_jax.bench.table import Row


def add(commands: options.Commands) -> None:
    """Adds the command."""
    summary = "benchmark this machine: training, sampling, scoring, encoding, data, as ratios within one run"
    sub = options.add_command(commands, "bench", run, summary)
    what = "model (the default): how fast a model runs; data: reading batches from a large store and decoding JPEGs"
    sub.add_argument("what", nargs="?", choices=("model", "data"), default="model", help=what)
    what = "a model folder, or that of the run that made it (default: random weights)"
    sub.add_argument("--model", type=options.model_folder, metavar="M", help=what)
    what = "without --model: the config whose structure the random weights have (talk2face_base)"
    sub.add_argument("--config", default="talk2face_base", metavar="CONFIG", help=what)
    sub.add_argument("--only", metavar="NAME", help="only the rows whose name contains NAME")
    what = 'a program to compare the VQGAN with, such as "python tests/helpers/peer_taming.py"'
    sub.add_argument("--peer", metavar="COMMAND", help=what)
    what = "data: a prepared store (default: one with random codes, captions and labels is made)"
    sub.add_argument("--store", type=options.readable, metavar="S", help=what)
    what = "data: number of faces in that store (2,300,000, which take 4 GB in the temporary folder)"
    sub.add_argument("--faces", type=options.positive, metavar="N", help=what)
    options.add_json(sub, "rows")


def run(args: argparse.Namespace) -> None:
    """Measures and prints a table, a row as soon as it is measured."""
    from t2f_jax.bench.table import HEADER, format_row
    from t2f_jax.io.files import defined, write_json

    json_file = args.json.file("--json") if args.json else None
    rows, unread = [], None

    def tell(text: str) -> None:
        nonlocal unread
        try:
            print(text, flush=True)
        except BrokenPipeError as error:
            if not json_file:
                raise
            unread = error  # the file is still wanted
            streams.drop()

    tell(HEADER)
    for row in _measured(args):
        rows.append(dataclasses.asdict(row))
        tell(format_row(row))
    if json_file:
        write_json(json_file, defined(rows))
        print(f"written: {args.json}")
    if unread:
        raise unread


def _measured(args: argparse.Namespace) -> "Iterator[Row]":
    given = {"--model": args.model, "--only": args.only, "--peer": args.peer}
    unheard = given if args.what == "data" else {"--store": args.store, "--faces": args.faces}
    for flag, value in unheard.items():
        if value is not None:
            raise UserError(f"{flag} has no effect on `t2f bench {args.what}`; leave it out")
    if args.what == "data":
        from t2f_jax.bench import data

        return data.measure(args.store.path() if args.store else None, args.faces or data.FACES)
    from t2f_jax.bench import run

    return run.measure(args.model.path() if args.model else None, args.only, args.peer, args.config)
