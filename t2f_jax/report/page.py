"""The report of an evaluated model: one self-contained HTML file, for phones and desktops."""

import dataclasses
import pathlib

from t2f_jax.io.files import write_text
from t2f_jax.report import render
from t2f_jax.report.content import Analysis, ReportContent
from t2f_jax.report.slices import slice_tables
from t2f_jax.tokens import ranges

MANY = 20  # if a face has more answers than this, answers "no" that no label contradicts are only counted
NEAR = 5  # a number that is at most this far from its label counts as correct


def write(path: pathlib.Path, title: str, content: ReportContent) -> None:
    """Writes the page under its final name only once it is whole."""
    write_text(path, render_report(title, content))


def render_report(title: str, content: ReportContent) -> str:
    """The page as text, rendered from `page.html`."""
    return render.render("page.html", title=title, content=content, answer_rows=answer_rows, slice_tables=slice_tables)


@dataclasses.dataclass(frozen=True)
class AnswerRow:
    """One attribute of an analysed face.

    Attributes:
      certainty: the answer's probability; for a number its interval.
      label: the known value, or range of a number, if the answer differs from it, else None.
      wrong: whether a choice differs from its label, or a number is more than `NEAR` away from it.
    """

    name: str
    value: str | int
    certainty: str
    label: str | int | None
    wrong: bool


def answer_rows(analysis: Analysis) -> tuple[list[AnswerRow], int]:
    """-> (the answers to show, how many answers "no" were left out to save space)."""
    rows = []
    for name, answer in analysis.answers.items():
        label, value = analysis.truth.get(name), answer["value"]
        if "low" in answer:
            certainty = f"{answer['low']} – {answer['high']}"
            off = 0 if label is None else ranges.distance(label, int(value))
            rows.append(AnswerRow(name, value, certainty, label if off else None, off > NEAR))
        else:
            certainty = render.share(answer["probability"], 0)
            wrong = label is not None and label != value
            rows.append(AnswerRow(name, value, certainty, label if wrong else None, wrong))
    if len(rows) <= MANY:
        return rows, 0
    shown = [row for row in rows if row.wrong or row.value != "no"]
    return shown, len(rows) - len(shown)
