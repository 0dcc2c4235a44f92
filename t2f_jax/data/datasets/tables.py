"""Tables of labels as datasets ship them: CSV with a header, read row by row."""

import csv
import pathlib
from collections.abc import Iterator, Sequence

from t2f_jax.errors import UserError, nearest
from t2f_jax.io.files import read_lines


def read_csv(path: pathlib.Path, columns: Sequence[str], delimiter: str = ",") -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file -> (line number, {column: cell without blanks around it}); empty lines are passed over.

    A byte order mark, other encodings and line ends of other systems do not matter (see `files.read_lines`), nor do
    blanks around a column's name. A row may end in empty cells that no column stands above.

    Args:
      columns: those that the header must have; the rest is handed on as well.

    Raises:
      UserError: no such file, no text, a column is missing (the nearest is named), or a row of another length.
    """
    lines = read_lines(path, "table of labels")
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        while header and not header[-1]:
            header.pop()
        for column in columns:
            if column not in header:
                near = nearest(column, header, 0.6)
                hint = f" (is it '{near}'?)" if near else ""
                raise UserError(f"{path}, line 1: no column '{column}'{hint}; the header has {', '.join(header)[:200]}")
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if len(cells) < len(header) or any(cells[len(header) :]):
                raise UserError(
                    f"{path}, line {reader.line_num}: {len(cells)} cells, but the header names {len(header)} columns"
                )
            yield reader.line_num, dict(zip(header, cells))
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: no CSV ({error})") from error
