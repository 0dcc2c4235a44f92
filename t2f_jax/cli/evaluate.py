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
        "evaluate a model on the held-out faces of its own data, or on other data",
        "Then it writes the report. An interrupted evaluation is resumed.",
    )
    options.add_model(sub)
    what = "other data: a kind of dataset (celeba), with its folder (celeba:DIR), or your own (a path); may be repeated"
    sub.add_argument("--data", action="append", default=[], metavar="D", help=what)
    what = "the split to evaluate (test); all: the three splits together"
    sub.add_argument("--split", choices=("train", "validation", "test", "all"), default="test", help=what)
    what = "a network's file: pytorch-fid's Inception for FID and KID, a CLIP's folder for CLIP scores; may be repeated"
    sub.add_argument("--network", type=options.readable, action="append", default=[], metavar="FILE", help=what)
    what = "a file for LPIPS; give it twice: its linear heads, and the VGG16, AlexNet or SqueezeNet that they belong to"
    sub.add_argument("--lpips", type=options.readable, action="append", default=[], metavar="FILE", help=what)
    what = "METEOR's meteor-1.5.jar; only its tables are read, nothing in it is run"
    sub.add_argument("--meteor", type=options.readable, metavar="JAR", help=what)
    options.add_out(sub, "card.json, rows, results and report.html")
    options.add_overrides(sub)

    summary = "write the report of an evaluated run again"
    needs = options.Needs(tuned=False, uploads=False)
    sub = options.add_command(commands, "report", report, summary, needs=needs)
    what = "the --out folder of `evaluate` or `quickstart`"
    sub.add_argument("folder", type=options.writable_folder, metavar="DIR", help=what)


def run(args: argparse.Namespace) -> None:
    """`t2f evaluate`."""
    from t2f_jax.evaluation import suite

    networks, lpips = ([given.path() for given in several] for several in (args.network, args.lpips))
    chosen = (args.model.path(), args.out.path, args.overrides, args.data, args.split)
    card = suite.evaluate_and_publish(*chosen, networks, lpips, args.meteor and args.meteor.path())
    print_card(card, args.out)


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
