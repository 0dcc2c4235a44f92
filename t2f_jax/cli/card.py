"""`t2f data card`: what is in a store, as a page; `t2f data hash`: pictures as an opt-out list names them."""

import argparse

from t2f_jax.cli import options

NEEDS = options.Needs(jax=False)


def add(commands: options.Commands) -> None:
    """Adds both commands to those of `t2f data`."""
    summary = "write the data card of a store: counts, labels, balance, licences, examples, as one HTML file"
    sub = options.add_command(commands, "card", card, summary, needs=NEEDS)
    sub.add_argument("store", type=options.readable, metavar="STORE", help="what `t2f prepare` made")
    what = "the HTML file to write"
    sub.add_argument("--out", type=options.writable_file, required=True, metavar="FILE.html", help=what)

    summary = "print hashes of pictures for an opt-out list"
    detail = "A line of the list excludes the picture and its recompressed, resized or mirrored copies."
    sub = options.add_command(commands, "hash", print_hashes, summary, detail, NEEDS)
    sub.add_argument("files", type=options.readable, nargs="+", metavar="FILE", help="image files")
    options.add_json(sub, "hashes")


def card(args: argparse.Namespace) -> None:
    """`t2f data card`."""
    from t2f_jax.data import card
    from t2f_jax.data.store import Store

    path = args.out.file("--out")
    card.write(Store(args.store.path()), path)
    print(args.out)


def print_hashes(args: argparse.Namespace) -> None:
    """`t2f data hash`."""
    from t2f_jax.data import opt_out
    from t2f_jax.io.files import write_json

    hashes = {}
    for file in args.files:
        hashes[str(file)] = opt_out.picture_line(file.path())
        print(f"{hashes[str(file)]}  {file}")
    if args.json:
        write_json(args.json.file("--json"), hashes)
