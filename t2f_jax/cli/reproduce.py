"""`t2f reproduce`: a table of the paper and its rivals, with a model's own row in it."""

import argparse

from t2f_jax.cli import options

NAMES = ("faces", "captions", "age", "attributes")  # of `experiments.tables.TABLES`


def add(commands: options.Commands) -> None:
    """Adds the command."""
    sub = options.add_command(
        commands,
        "reproduce",
        run,
        "evaluate a model for a table of the paper, next to published figures",
        "The table names missing datasets. Settings that were measured before are not measured again.",
    )
    sub.add_argument("table", choices=NAMES, help="which table")
    options.add_model(sub)
    what = "a dataset's folder, if it is not in $T2F_DATA; may be repeated"
    sub.add_argument("--data", action="append", default=[], type=_place, metavar="KIND:DIR", help=what)
    what = "a network's file: pytorch-fid's Inception, for FID; may be repeated"
    sub.add_argument("--network", type=options.readable, action="append", default=[], metavar="FILE", help=what)
    sub.add_argument("--meteor", type=options.readable, metavar="FILE", help="METEOR's meteor-1.5.jar, for METEOR")
    options.add_out(sub, "table.md, table.json and each dataset's evaluation")
    options.add_overrides(sub)


def run(args: argparse.Namespace) -> None:
    """`t2f reproduce`."""
    from t2f_jax.experiments import table_text
    from t2f_jax.experiments.reproduce import reproduce
    from t2f_jax.experiments.tables import TABLES

    table = TABLES[args.table]
    networks, meteor = [given.path() for given in args.network], args.meteor and args.meteor.path()
    chosen = (table, args.model.path(), args.out.path, dict(args.data), args.overrides)
    if rows := reproduce(*chosen, networks, meteor):
        print(table_text.write(table, rows, args.out.path))
        measured = sum(not row["missing"] for row in rows.values())
        told = "" if measured == len(rows) else "; the table tells what each of the others needs"
        print(f"measured: {measured} of {len(rows)} settings{told}")
        print(f"written: {args.out.origin / 'table.md'}")


def _place(text: str) -> tuple[str, str]:
    """ "celeba:DIR" -> ("celeba", "DIR")."""
    kind, colon, folder = text.partition(":")
    if not kind or not colon or not folder:
        raise argparse.ArgumentTypeError(f"'{text}' should be KIND:DIR, such as celeba:/data/CelebA")
    return kind, folder
