"""Label tables of datasets: CSV with a header, read row by row."""

import csv
import itertools
import pathlib
from collections.abc import Iterator, Sequence

from t2f_jax.errors import UserError, nearest
from t2f_jax.io.files import read_lines


def read_csv(
    path: pathlib.Path,
    columns: Sequence[str],
    delimiter: str = ",",
    header: Sequence[str] = (),
    broken: dict[str, str] | None = None,
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file -> (line number, {column: cell without surrounding blanks}); empty lines are skipped.

    A byte order mark, other encodings and line ends of other systems are handled (see `files.read_lines`), and blanks
    around a column's name are ignored. A row may end with extra empty cells.

    Args:
      columns: those that the header must have; others are returned as well.
      header: for a file that may lack one: then its first line does not begin with the first of these names.
      broken: rows whose length differs from the header's are put here, {"labels.csv, line 7": why}, and skipped.

    Raises:
      UserError: no such file, no text, a missing column (the message names the nearest), or a row of another length.
    """
    lines = read_lines(path, "table of labels")
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)
    try:
        first = [cell.strip() for cell in next(reader, [])]
        names, rows = first, reader
        if header and first[:1] != [header[0]]:
            names, rows = list(header), itertools.chain([first], reader)
        while names and not names[-1]:
            names.pop()
        _check_columns(path, names, columns)
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if len(cells) < len(names) or any(cells[len(names) :]):
                why = f"{len(cells)} cells, but the header names {len(names)} columns"
                if broken is None:
                    raise UserError(f"{path}, line {reader.line_num}: {why}")
                broken[f"{path.name}, line {reader.line_num}"] = why
            else:
                yield reader.line_num, dict(zip(names, cells))
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: no CSV ({error})") from error


def _check_columns(path: pathlib.Path, names: Sequence[str], columns: Sequence[str]) -> None:
    for column in columns:
        if column not in names:
            near = nearest(column, names, 0.6)
            hint = f" (is it '{near}'?)" if near else ""
            raise UserError(f"{path}, line 1: no column '{column}'{hint}; the header has {', '.join(names)[:200]}")
