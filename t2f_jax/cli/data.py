"""`t2f data`: the datasets that the program knows, and your own."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from t2f_jax.cli import card, options
from t2f_jax.io.progress import say

if TYPE_CHECKING:
    from t2f_jax.data.datasets.base import Dataset
    from t2f_jax.data.datasets.own.check import Report

SHOWN = 20  # problems that are printed
ENOUGH = 5000  # faces from which a model can learn without having learned anything before
NEEDS = options.Needs(jax=False)


def add(commands: options.Commands) -> None:
    """Adds the command and its own commands."""
    parser = options.add_command(
        commands, "data", list_datasets, "list datasets, check your own data, write data cards", needs=NEEDS
    )
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=type(parser))
    _add_list(inner)
    _add_check(inner)
    _add_make(inner)
    card.add(inner)


def _add_list(commands: options.Commands) -> None:
    summary = "list the datasets that can be read; for one: its terms, how to get it, and whether it is here"
    sub = options.add_command(commands, "list", list_datasets, summary, needs=NEEDS)
    what = "a dataset's kind or title, such as celeba"
    sub.add_argument("name", nargs="?", metavar="NAME", help=what)
    options.add_json(sub, "list")


def _add_check(commands: options.Commands) -> None:
    summary = "show how your own data is read and list all problems; exit code 1 if there are any"
    sub = options.add_command(commands, "check", check, summary, needs=NEEDS)
    what = "a table (.csv, .tsv, .jsonl, .parquet), WebDataset shards, a Hugging Face directory, or a folder of it"
    sub.add_argument("path", type=options.readable, metavar="PATH", help=what)
    what = "MEANING=YOUR COLUMN, such as 'caption=text, age=years, none=notes' (none: the column is left out)"
    sub.add_argument("--columns", default="", metavar="MAP", help=what)
    sub.add_argument("--quick", action="store_true", help="read only the labels, decode no image")
    options.add_json(sub, "findings")


def _add_make(commands: options.Commands) -> None:
    summary = "write a first table of a folder of images, for you to fill in"
    sub = options.add_command(commands, "make", make, summary, needs=NEEDS)
    sub.add_argument("path", type=options.readable, metavar="PATH", help="the folder that holds the images")
    what = "the table: .csv, .tsv, .jsonl or .parquet (PATH/faces.csv)"
    sub.add_argument("--out", type=options.writable_file, metavar="FILE", help=what)


def check(args: argparse.Namespace) -> None:
    """`t2f data check`."""
    from t2f_jax.data.datasets.own import check, columns
    from t2f_jax.io.files import write_json

    if args.json:
        args.json.file("--json")
    report = check.check(args.path.path(), columns.parse_map(args.columns, "--columns"), not args.quick)
    print("\n".join(_checked(report, args.columns)))
    if args.json:
        write_json(args.json.path, report.to_json())
    if not report.is_fine:
        sys.exit(1)


def _checked(report: "Report", columns: str) -> list[str]:
    """How data was read, what is wrong, and how to train on it."""
    width = max((len(column.name) for column in report.columns), default=0)
    splits = ", ".join(f"{count} {split}" for split, count in report.splits.items())
    faces, captions = _counted(sum(report.splits.values()), "face"), _counted(report.captions, "caption")
    lines = [f"{report.path}: {report.layout}, {faces} ({splits}), {captions}"]
    lines += [f"  {column.name:{width}}  {column.role}: {column.told}" for column in report.columns]
    lines += [f"note: {note}" for note in report.notes]
    if report.problems:
        whole = "each one excludes its whole row from training (clear a wrong cell to keep the rest)"
        lines += ["", f"{_counted(len(report.problems), 'problem')}; {whole}:"]
        shown = report.problems[:SHOWN]
        lines += [f"  {problem['where']}: {problem['why']}" for problem in shown]
        more = len(report.problems) - len(shown)
        return [*lines, *([f"  and {more} more (--json F lists them all)"] if more else [])]
    return [*lines, "", *_next(report, columns)] if report.is_fine or not report.labelled else lines


def _next(report: "Report", columns: str) -> list[str]:
    """What to do with data without a problem."""
    if not report.labelled:
        wanted = "fill in what the faces show, such as caption, age, gender, or columns of your own"
        return [f"nothing to learn from: no face has a caption or a label; {wanted}, then check again"]
    faces = sum(report.splits.values())
    mapped = f" data.sources.own.columns={shlex.quote(columns)}" if columns else ""
    rest = f"data.sources.own.folder={shlex.quote(report.path)}{mapped} --out RUN"
    if faces >= ENOUGH:
        return [f"train on it: t2f train own {rest}"]
    why = f"MODEL is the folder of a model to start from; {_counted(faces, 'face')} would be too few without one"
    return [f"train on it: t2f train own:MODEL {rest}", f"({why})"]


def _counted(count: int, what: str) -> str:
    """(1, "face") -> "1 face"; (2, "face") -> "2 faces"."""
    return f"{count} {what}{'s' * (count != 1)}"


def make(args: argparse.Namespace) -> None:
    """`t2f data make`."""
    from t2f_jax.data.datasets.own import make

    made = make.make(args.path.path(), args.out.file("--out") if args.out else None)
    for file, why in made.left_out.items():
        say(f"t2f: left out {file}: {why}")
    print(f"{made.path}: {made.rows} images, {made.captions} with captions")
    place = made.path if args.out else args.path
    print(f"fill in what you know, add columns of your own, then: t2f data check {shlex.quote(str(place))}")


def list_datasets(args: argparse.Namespace) -> None:
    """`t2f data list`."""
    from t2f_jax.data.datasets import registry
    from t2f_jax.io.files import write_json

    if args.json:
        args.json.file("--json")
    datasets = [registry.find(_kind(args.name), "NAME")] if args.name else [registry.find(k) for k in registry.MODULES]
    records = [_record(dataset) for dataset in datasets]
    print("\n".join(_described(records[0]) if args.name else _table(records)))
    if args.json:
        write_json(args.json.path, records)


def _kind(name: str) -> str:
    """The kind of a dataset that is called by its kind, title or folder, in any case; else the name itself."""
    from t2f_jax.data.datasets import registry

    if name.lower() in registry.MODULES:
        return name.lower()
    for kind in registry.MODULES:
        dataset = registry.find(kind)
        if name.lower() in (dataset.title.lower(), dataset.folder.lower()):
            return kind
    return name


def _record(dataset: "Dataset") -> dict[str, Any]:
    """What is told of a dataset."""
    from t2f_jax.data.datasets import registry

    here = registry.place(dataset)
    return {
        "kind": dataset.kind,
        "title": dataset.title,
        "size": dataset.size,
        "captions": dataset.captions,
        "labels": [attribute.name for attribute in dataset.schema],
        "licence": dataset.licence,
        "citation": dataset.citation,
        "obtain": dataset.obtain,
        "splits": dataset.split_rule,
        "partitions": list(dataset.partitions),
        "folder": dataset.folder,
        "here": str(here) if here else None,
    }


def _table(records: Sequence[dict[str, Any]]) -> list[str]:
    """A line a dataset: kind, title, size, what can be learned from it, where it lies."""
    rows = [("KIND", "DATASET", "SIZE", "LEARN", "HERE")]
    for record in records:
        here = record["here"] or ("no" if record["folder"] else "always" if record["labels"] else "yours")
        rows.append((record["kind"], record["title"], record["size"], _tasks(record), here))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]) for row in rows]
    return [*lines, "", "`t2f data list KIND` prints all about one. Datasets are looked up in $T2F_DATA."]


def _tasks(record: dict[str, Any]) -> str:
    """What can be learned, in a few words: "captions, age, gender, 39 attributes"."""
    labels = record["labels"]
    named = [name for name in ("age", "gender", "ethnicity") if name in labels]
    others = len(labels) - len(named)
    parts = [*(["captions"] if record["captions"] else []), *named]
    return ", ".join([*parts, *([f"{others} attribute{'s' * (others > 1)}"] if others else [])])


def _described(record: dict[str, Any]) -> list[str]:
    """A dataset in full, one thing a line."""
    folder = record["folder"]
    missing = f"no: set T2F_DATA to the folder that holds {folder}/, or data.sources.NAME.folder to that folder itself"
    lines = [
        ("size", record["size"]),
        ("captions", record["captions"]),
        ("labels", ", ".join(record["labels"])),
        ("splits", record["splits"]),
        ("partitions", ", ".join(record["partitions"])),
        ("licence", record["licence"]),
        ("cite", record["citation"]),
        ("get it", record["obtain"]),
        ("here", record["here"] or (missing if folder else "")),
        ("in a config", f'config.source(c, "{record["kind"]}", kind="{record["kind"]}")'),
    ]
    return [record["title"], *(f"  {name:12} {text}" for name, text in lines if text)]
