"""`t2f evaluate`: a model's figures on held-out faces; `t2f report`: the report of them again."""

import argparse
from collections.abc import Mapping
from typing import Any

from t2f_jax.cli import options


def add(commands: options.Commands) -> None:
    """Adds both commands."""
    sub = options.add_command(
        commands,
        "evaluate",
        run,
        "measure a model on the held-out faces of its own data",
        "Then writes the report.",
    )
    options.add_model(sub)
    options.add_out(sub, "card.json, rows, results and report.html")
    options.add_overrides(sub)

    summary = "write the report of an evaluated run again"
    needs = options.Needs(tuned=False, uploads=False)
    sub = options.add_command(commands, "report", report, summary, needs=needs)
    what = "the --out of `evaluate` or `quickstart`"
    sub.add_argument("folder", type=options.writable_folder, metavar="DIR", help=what)


def run(args: argparse.Namespace) -> None:
    """`t2f evaluate`."""
    from t2f_jax.evaluation import suite

    print_card(suite.evaluate_and_publish(args.model.path(), args.out.path, args.overrides), args.out)


def report(args: argparse.Namespace) -> None:
    """`t2f report`."""
    from t2f_jax.evaluation import publish

    publish.rewrite(args.folder.download())
    args.folder.run.publish(publish.REPORT)
    print(args.folder.run.origin(publish.REPORT))


def print_card(card: Mapping[str, Any], out: options.Writable) -> None:
    """Prints the card's figures, one a line, and where the report in `out` lies; only the first process has a card."""
    from t2f_jax.evaluation import publish

    if not card:
        return

    for key, value in card.items():
        if isinstance(value, float):
            print(f"{key:32} {value:.4g}")
    print(f"report: {out.origin / publish.REPORT}")
