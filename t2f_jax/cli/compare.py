"""`t2f compare`: cards of evaluated models side by side."""

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from t2f_jax.cli import options

if TYPE_CHECKING:
    from t2f_jax.report.compare import Cell, Comparison, Row, Table


VERDICTS = (
    "Intervals are 95%, each for its figure alone. Verdicts are corrected for the number of figures (Holm, 5%),",
    "so an interval may exclude 0 although no difference is shown.",
)


def add(commands: options.Commands) -> None:
    """Adds the command."""
    summary = "compare cards of evaluated models: differences with their intervals"
    detail = "A figure is not compared if its protocol differs from the first card's; the output says what differs."
    sub = options.add_command(commands, "compare", run, summary, detail, options.Needs(jax=False))
    what = "what `t2f evaluate` wrote: its folder, or the card.json in it; the others are compared with the first"
    sub.add_argument("cards", type=options.readable, nargs="+", metavar="CARD", help=what)
    what = "a field of the protocols that may differ, such as sampler.guidance, because you compare it"
    sub.add_argument("--varying", action="append", default=[], metavar="FIELD", help=what)
    sub.add_argument("--out", type=options.writable_file, metavar="FILE.html", help="also write it as an HTML page")
    options.add_json(sub, "comparison")


def run(args: argparse.Namespace) -> None:
    """`t2f compare`."""
    from t2f_jax.evaluation.cards import compare, record
    from t2f_jax.io.files import defined, write_json
    from t2f_jax.io.progress import Progress
    from t2f_jax.report import compare as page

    files = {flag: given.file(flag) for flag in ("--out", "--json") if (given := getattr(args, flag[2:]))}
    cards = [record.read(card.path()) for card in args.cards]
    pairs = sum(len(part.figures) for part in cards[0].parts) * (len(cards) - 1)
    with Progress("comparing", pairs, unit="figure") as bar:
        comparison = compare.compare(cards, args.varying, bar.advance)
    for line in table_lines(comparison):
        print(line)
    if "--out" in files:
        page.write(files["--out"], comparison)
        print(f"written: {args.out}")
    if "--json" in files:
        write_json(files["--json"], defined(dataclasses.asdict(comparison)))
        print(f"written: {args.json}")


def table_lines(comparison: "Comparison") -> list[str]:
    """The comparison as lines: of each part a line a figure, then what was refused, and why."""
    lines: list[str] = []
    for table in comparison.tables:
        lines += [f"{table.part}, {table.n} examples"]
        for field, values in table.varying.items():
            lines.append(f"  {field} differs, as allowed: {' | '.join(map(str, values))}")
        lines += _figures(table, comparison.names)
        for (card, why, advice), figures in table.refusals.items():
            which = figures[0] if len(figures) == 1 else f"{len(figures)} figures such as {figures[0]}"
            lines.append(f"  refused of {comparison.names[card]}: {which}: {why}")
            lines += [f"    {advice}"] if advice else []
    return [*lines, *VERDICTS]


def _figures(table: "Table", names: Sequence[str]) -> list[str]:
    rows = [["figure", *names]] + [[row.name, *(_cell(row, cell) for cell in row.cells)] for row in table.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + "  ".join(f"{word:{width}}" for word, width in zip(row, widths)).rstrip() for row in rows]


def _cell(row: "Row", cell: "Cell") -> str:
    from t2f_jax.report.render import measured, signed

    if cell.figure is None:
        return "other protocol" if cell.refused else "–"
    text = measured(cell.figure["value"], row.unit)
    if cell.difference is None:
        return text
    text += f"  {signed(cell.difference, row.unit)}"
    if cell.interval:
        text += f" ({signed(cell.interval[0], row.unit)} to {signed(cell.interval[1], row.unit)}) {cell.verdict}"
    return text
