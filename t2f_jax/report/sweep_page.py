"""The report of a sweep: one HTML file with verdicts, tables, plots and scaling laws, and the tables as Markdown."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from t2f_jax.io.files import write_text
from t2f_jax.report import render
from t2f_jax.report.content import Picture


@dataclasses.dataclass(frozen=True)
class Finding:
    """The results of a sweep for one factor.

    Attributes:
      question: the question that it answers; may be empty.
      lines: (arm, its verdicts, one sentence each).
    """

    factor: str
    question: str
    lines: Sequence[tuple[str, Sequence[str]]]


@dataclasses.dataclass(frozen=True)
class Cell:
    """A figure of an arm as text.

    Attributes:
      value: the mean over seeds.
      change: the difference from the baseline with its interval; empty if there is none.
      outcome: `better`, `worse`, `different`, or empty.
      seeds: the value of each seed.
    """

    value: str
    change: str = ""
    outcome: str = ""
    seeds: str = ""


@dataclasses.dataclass(frozen=True)
class SweepPage:
    """A whole report; empty fields are not shown.

    Attributes:
      summary: a sentence or two under the title.
      caution: conclusions for which there are too few runs.
      overview: {factor: its verdicts in a line}.
      figures: names of the columns of `rows`, none of them empty.
      rows: {arm: a cell for each figure, or None}.
      budget: header and rows of the table of costs.
      left: {run: why it has no result}.
      laws: {what: the fitted law as text}.
    """

    summary: str
    caution: str
    overview: Mapping[str, str]
    findings: Sequence[Finding]
    figures: Sequence[str]
    rows: Mapping[str, Sequence[Cell | None]]
    budget: Sequence[Sequence[str]]
    left: Mapping[str, str]
    plots: Sequence[Picture]
    laws: Mapping[str, str]
    notes: Sequence[str]
    details: Mapping[str, Any]


def write(path: pathlib.Path, title: str, page: SweepPage) -> None:
    """Writes the page under its final name only once it is whole."""
    write_text(path, render.render("sweep.html", title=title, page=page))


def write_markdown(path: pathlib.Path, title: str, page: SweepPage) -> None:
    """Writes verdicts and tables as Markdown, atomically."""
    lines = [f"# {title}", "", page.summary, ""]
    lines += [page.caution, ""] if page.caution else []
    lines += [f"- **{factor}**: {said}" for factor, said in page.overview.items()]
    lines += ["", "## What it shows", ""] if page.findings else []
    for finding in page.findings:
        lines += [f"- **{finding.factor}**" + (f": {finding.question}" if finding.question else "")]
        lines += [f"  - {arm}: {'; '.join(said)}" for arm, said in finding.lines]
    table = [["arm", *page.figures]]
    table += [[arm, *(_cell(cell) for cell in cells)] for arm, cells in page.rows.items()]
    lines += ["", *_table(table), "", *_table(page.budget), ""]
    lines += [f"- {what}: {law}" for what, law in page.laws.items()]
    lines += [f"- {run}: {why}" for run, why in page.left.items()]
    lines += ["", *page.notes]
    write_text(path, "\n".join(lines) + "\n")


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "–"
    mark = f" **{cell.outcome}**" if cell.outcome else ""
    return f"{cell.value} ({cell.change}){mark}" if cell.change else cell.value


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    lines = ["| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in rows]
    return [lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]]
