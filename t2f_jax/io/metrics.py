"""A run's metrics: `metrics.jsonl`, one JSON object per line, which plots and reports read, and a TensorBoard log.

A training step's line is `{"step": 7, "loss": 1.5, ..., "seconds": 0.02}`; `step` counts updates, the first one is 1.
An evaluation's line is `{"step": 200, "eval": {"loss": 1.4, ...}}`: the weights after that many updates.
A save's line is `{"step": 200, "time": ..., "goodput": {...}}`: how the time was spent until then, see `goodput.Clock`.
"""

import contextlib
import math
import os
import pathlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from t2f_jax.io import files
from t2f_jax.io.progress import say
from t2f_jax.io.run_folder import RunFolder

if TYPE_CHECKING:
    import tensorboardX

Row: TypeAlias = dict[str, Any]  # one line of the file, JSON, of one of the three kinds above

NUMBERS, TENSORBOARD = "metrics.jsonl", "tensorboard"  # names in a run's folder
TENSORBOARD_EVERY = 20  # steps between points in TensorBoard; the JSON lines are the full record


def read(path: pathlib.Path) -> list[Row]:
    """The complete rows of a metrics file in order; none if there is no file. Lines that are not rows are skipped."""
    return [row for row, _ in _lines(path)[0]]


def train_rows(rows: list[Row]) -> list[Row]:
    """The rows of training steps among `read`'s rows."""
    return [row for row in rows if "loss" in row]


def eval_rows(rows: list[Row]) -> list[Row]:
    """The evaluations among `read`'s rows, flat: `{"step": 200, "loss": 1.4, ...}`."""
    return [{"step": row["step"], **row["eval"]} for row in rows if "eval" in row]


def last_goodput(out: pathlib.Path) -> Row | None:
    """The row of the last save of the run in `out`, None if there is none."""
    return next((row for row in reversed(read(out / NUMBERS)) if "goodput" in row), None)


def truncate(path: pathlib.Path, step: int) -> None:
    """Keeps the lines up to and including `step`, atomically; the resumed run will write the later ones again.

    Lines that are not rows (a power loss leaves null bytes) are dropped with a message, an incomplete last line without
    one.
    """
    if not path.exists():
        return
    rows, broken = _lines(path)
    if broken:
        say(f"{path}: {broken} broken lines were dropped")
    with files.whole_file(path) as partial, partial.open("wb") as file:
        file.writelines(line + b"\n" for row, line in rows if row["step"] <= step)
        file.flush()
        os.fsync(file.fileno())


def _lines(path: pathlib.Path) -> tuple[list[tuple[Row, bytes]], int]:
    """-> (row, its line without the line end) of each complete line; the number of lines that are not rows.

    An incomplete last line is not counted: the writer was killed while writing it.
    """
    rows, broken = [], 0
    for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else ():
        with contextlib.suppress(ValueError):
            row = files.parse_json(line)
            if _is_row(row):
                rows.append((row, line))
                continue
        broken += 1
    return rows, broken


def _is_row(row: object) -> bool:
    if not isinstance(row, dict) or type(row.get("step")) is not int:
        return False
    rest = {name: value for name, value in row.items() if name not in ("eval", "goodput")}
    parts = [row[name] for name in ("eval", "goodput") if name in row]
    if not all(isinstance(part, dict) and all(map(_is_number, part.values())) for part in [rest, *parts]):
        return False
    return "goodput" not in row or None not in (row.get("time"), row["goodput"].get("wall"), *row["goodput"].values())


def _is_number(value: Any) -> bool:
    """Is it a valid value of a row: null, or a number within float's range?"""
    return value is None or (type(value) in (int, float) and abs(value) <= sys.float_info.max)


class Writer:
    """Appends a run's metrics, after removing lines after `step` of an earlier, interrupted run.

    Each line is passed to the operating system immediately, so a killed run loses none.
    """

    def __init__(self, out: pathlib.Path, step: int = 0):
        self._run, path = RunFolder(out), out / NUMBERS
        out.mkdir(parents=True, exist_ok=True)
        truncate(path, step)
        self._file = path.open("a", encoding="utf-8")
        self._tensorboard: tensorboardX.SummaryWriter | None = None
        self._resumed_at = step

    def train(self, step: int, values: Mapping[str, float]) -> None:
        """One training step's metrics, including "loss"."""
        self._line({"step": step, **files.defined(values)})
        if step == 1 or step % TENSORBOARD_EVERY == 0:
            self._scalars("train", step, values)

    def evaluation(self, step: int, values: Mapping[str, float]) -> None:
        """One evaluation's metrics."""
        self._line({"step": step, "eval": files.defined(values)})
        self._scalars("eval", step, values)

    def goodput(self, step: int, values: Mapping[str, Any]) -> None:
        """How the time was spent until a save: `goodput.Clock.record`."""
        self._line({"step": step, **values})
        self._scalars("goodput", step, values["goodput"])

    def publish(self) -> None:
        """Uploads both records in their current state, if the run's folder is in a bucket."""
        if self._tensorboard is not None:
            self._tensorboard.flush()
        self._run.publish(NUMBERS)
        self._run.publish(TENSORBOARD)

    def close(self) -> None:
        """Closes both records."""
        self._file.close()
        if self._tensorboard is not None:
            self._tensorboard.close()
        self._run.publish(NUMBERS)
        self._run.publish(TENSORBOARD)

    def _line(self, values: Mapping[str, Any]) -> None:
        self._file.write(files.json_line(values))
        self._file.flush()

    def _scalars(self, group: str, step: int, values: Mapping[str, float]) -> None:
        if self._tensorboard is None:
            import tensorboardX

            self._tensorboard = tensorboardX.SummaryWriter(
                str(self._run.path / TENSORBOARD), purge_step=self._resumed_at + 1
            )
        for name, value in values.items():
            if math.isfinite(value):
                self._tensorboard.add_scalar(f"{group}/{name}", value, step)
