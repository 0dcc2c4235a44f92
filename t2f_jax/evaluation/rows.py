"""The results of every example, as JSON lines beside the card, from which every table can be made again.

DIR/rows/<source>-faces.jsonl       a line per test face, `FaceRow`
DIR/rows/<source>-requests.jsonl    a line per face generated for a request, `DrawnRow`
DIR/rows/<source>-texts.jsonl       a line per face generated for a caption of a test face, `DrawnRow`

Lines are in the order of the examples, which is the same for all models, so line i of two models on the same data is
about the same example.
"""

import math
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import numpy as np

from t2f_jax.errors import UserError
from t2f_jax.evaluation.figure import Figure
from t2f_jax.io import files
from t2f_jax.io.files import whole_file

FOLDER = "rows"

# The contribution of an example to each figure that has `per_example`, by the figure's name: the number (None: not
# scored), or the statistics.
Scores = Mapping[str, float | list[float] | None]


class FaceRow(TypedDict):
    """A test face. Unknown attributes are absent from `labels`; those that the model does not know, from `answers`."""

    id: str  # its name in the source
    labels: dict[str, str | int]  # {attribute: value}; a number is an int, or a str for a range such as "20-29"
    given: list[str]  # its reference captions
    # {attribute: answer}, see `inference.answers.summarize_face`: for a choice "value" (the most likely) and its
    # "probability", for a number "value" (the median) and "low", "high" (the central 80%).
    answers: dict[str, dict[str, str | int | float]]
    caption: str  # written by the model
    answers_again: dict[str, dict[str, str | int | float]]  # of the face's reconstruction
    judged: NotRequired[dict[str, str | int]]  # the judge's predictions, if there is one; its numbers are estimates
    judged_again: NotRequired[dict[str, str | int]]  # ... for the reconstruction
    scores: Scores


class DrawnRow(TypedDict):
    """A face generated for a request, or for a caption."""

    id: str  # its number
    text: str  # the prompt
    asked: dict[str, str | int]  # the attributes that the request asks for; empty for a caption
    labels: dict[str, str | int]  # all known attributes of the test face that the request or caption is from
    judged: dict[str, str | int]  # the judge's predictions for the generated face; empty without a judge
    seed: int
    scores: Scores


def write(path: pathlib.Path, examples: Iterable[Mapping[str, Any]], figures: Sequence[Figure]) -> None:
    """Writes rows, whole or not at all.

    Args:
      examples: N rows without `scores`, which come from the figures.
    """
    scored = {f.name: f.per_example for f in figures if f.per_example is not None}
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", errors="backslashreplace") as file:
        for i, example in enumerate(examples):
            scores = {name: _plain(values[i].tolist()) for name, values in scored.items()}
            file.write(files.json_line({**example, "scores": scores}))


def _plain(value: Any) -> Any:
    """A number or a list of them for JSON: NaN becomes None, and 1.0 is written as 1, since most numbers are counts."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if math.isnan(value) else int(value) if value.is_integer() else value


def read(path: pathlib.Path) -> Iterator[dict[str, Any]]:
    """The rows, one after another. Raises UserError for a missing file, or a line that is not a row."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                row = files.parse_json(line)
                if not isinstance(row, dict) or not isinstance(row.get("scores"), dict):
                    raise ValueError(f"line {number} holds no scores")
                yield row
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: broken ({error}); evaluate the model again") from error


def per_example(path: pathlib.Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The contribution of each example to some figures, as in `Figure.per_example`, float64 [N] or [N, K].

    Raises:
      UserError: as `read`; a figure that is not in the rows.
    """
    found: dict[str, list[Any]] = {name: [] for name in names}
    for row in read(path):
        for name, values in found.items():
            if name not in row["scores"]:
                raise UserError(f"{path}: {name} is not among its scores")
            values.append(row["scores"][name])
    return {name: np.array(values, np.float64) for name, values in found.items()}  # None becomes NaN
