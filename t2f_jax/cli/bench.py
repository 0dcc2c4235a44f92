"""`t2f bench`: what this machine reaches."""

import argparse
import dataclasses

from t2f_jax.cli import options, streams


def add(commands: options.Commands) -> None:
    """Adds the command."""
    summary = "measure this machine: training steps, sampling, scoring, encoding, as ratios in one run"
    sub = options.add_command(commands, "bench", run, summary)
    what = "a model folder (default: random weights)"
    sub.add_argument("--model", type=options.readable, metavar="M", help=what)
    what = "whose structure random weights have (talk2face_base)"
    sub.add_argument("--config", default="talk2face_base", metavar="CONFIG", help=what)
    sub.add_argument("--only", metavar="NAME", help="just the rows whose name holds this")
    what = 'what the VQGAN is compared with, such as "python tests/helpers/peer_taming.py"'
    sub.add_argument("--peer", metavar="COMMAND", help=what)
    options.add_json(sub, "rows")


def run(args: argparse.Namespace) -> None:
    """Measures and prints a table, a row as soon as it is measured."""
    from t2f_jax.bench.run import measure
    from t2f_jax.bench.table import HEADER, format_row
    from t2f_jax.io.files import defined, write_json

    json_file = args.json.file("--json") if args.json else None
    model = args.model.path() if args.model else None
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
    for row in measure(model, args.only, args.peer, args.config):
        rows.append(dataclasses.asdict(row))
        tell(format_row(row))
    if json_file:
        write_json(json_file, defined(rows))
        print(f"written: {args.json}")
    if unread:
        raise unread
