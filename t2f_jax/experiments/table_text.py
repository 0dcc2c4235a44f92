"""A reproduced table as markdown: our row above the published ones, with all protocols and sources below."""

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from t2f_jax.experiments.published import Published, of
from t2f_jax.experiments.reproduce import Ours
from t2f_jax.experiments.tables import Column, Setting, Table
from t2f_jax.io.files import write_json, write_text

OURS = "**this model**"
QUOTED = "†"  # marks a value that is not its authors' own


def write(table: Table, rows: Mapping[str, Ours], out: pathlib.Path) -> str:
    """Writes table.md and table.json into `out`; returns the markdown.

    Args:
      rows: returned by `reproduce.reproduce`.
    """
    text = "\n".join([f"# {table.title}\n", *(markdown(setting, rows[setting.name]) for setting in table.settings)])
    settings = [
        {
            "name": setting.name,
            "title": setting.title,
            "ours": rows[setting.name],
            "differs": setting.differs,
            "published": [row._asdict() for row in of(setting.name)],
        }
        for setting in table.settings
    ]
    write_json(out / "table.json", {"table": table.name, "settings": settings})
    write_text(out / "table.md", text)
    return text


def markdown(setting: Setting, ours: Ours) -> str:
    """One setting: a table, then what our row lacks, how its protocol differs, and the sources."""
    published = of(setting.name)
    notes = _notes(published)
    head = ["system", *(f"{column.metric} {_arrow(column)}" for column in setting.columns), "source"]
    lines = [f"## {setting.title}\n", _row(head), _row(["---", *["---:"] * len(setting.columns), "---"])]
    lines.append(_row([OURS, *(_our_cell(column, ours) for column in setting.columns), "measured here"]))
    for system, source in dict.fromkeys((row.system, row.source) for row in published):
        theirs = [row for row in published if (row.system, row.source) == (system, source)]
        marks = dict.fromkeys(f"[{notes[row.source, row.protocol]}]" for row in theirs)
        cells = [_their_cell([row for row in theirs if row.metric == column.metric]) for column in setting.columns]
        lines.append(_row([system, *cells, " ".join(marks)]))
    return "\n".join([*lines, "", *_remarks(setting, ours, published), *_sources(notes), ""])


def _remarks(setting: Setting, ours: Ours, published: Sequence[Published]) -> Iterable[str]:
    if ours["missing"]:
        yield f"Not measured: {ours['missing'].rstrip('.')}.\n"
    lacking = [c for c in setting.columns if c.metric not in ours["figures"]] if not ours["missing"] else []
    for column in lacking:
        yield f"No {column.metric}: {column.without}.\n"
    if ours["partition"]:
        yield f"Partition: {ours['partition']}.\n"
    if setting.differs:
        yield f"Our protocol differs: {setting.differs}\n"
    for metric, figure in ours["figures"].items():
        yield f"Our {metric}: `{figure['protocol']}`, n = {figure['n']:,}.\n"
    if any(row.verified == "secondary" for row in published):
        yield f"{QUOTED} quoted by others, not its authors' own statement.\n"


def _notes(published: Iterable[Published]) -> dict[tuple[str, str], int]:
    """{(source, protocol): its number}."""
    different = dict.fromkeys((row.source, row.protocol) for row in published)
    return {pair: number for number, pair in enumerate(different, 1)}


def _sources(notes: Mapping[tuple[str, str], int]) -> Iterable[str]:
    return (f"[{number}] {source}: {protocol}.\n" for (source, protocol), number in notes.items())


def _our_cell(column: Column, ours: Ours) -> str:
    figure: Any = ours["figures"].get(column.metric)
    if figure is None:
        return "–"
    value = f"**{column.scale * figure['value']:.2f}**"
    if figure["interval"] is None:
        return value
    low, high = (column.scale * end for end in figure["interval"])
    return f"{value} ({low:.2f} to {high:.2f})"


def _their_cell(rows: Iterable[Published]) -> str:
    """The values of a system, of which a source may have two."""
    return " or ".join(
        row.verified if row.value is None else f"{row.value:g}{QUOTED if row.verified == 'secondary' else ''}"
        for row in rows
    )


def _arrow(column: Column) -> str:
    return "↑" if column.better == "higher" else "↓"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
