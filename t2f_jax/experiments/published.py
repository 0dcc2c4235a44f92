"""Published figures of the paper and its rivals, `published.csv`: with protocol, source and reliability.

Columns: setting and metric (see `tables`); system; value in the setting's unit, empty if a paper's value was not
found; protocol and source; verified: `primary` is the authors' own README, figure, abstract or model card, `secondary`
another paper's table, a leaderboard or a user's rerun.
"""

import csv
import functools
import importlib.resources
from typing import NamedTuple

VERIFIED = ("primary", "secondary", "not found")


class Published(NamedTuple):
    """One figure; `value` is None if it was not found."""

    setting: str
    metric: str
    system: str
    value: float | None
    protocol: str
    source: str
    verified: str


@functools.cache
def read() -> tuple[Published, ...]:
    """All figures, in the order of the file."""
    text = importlib.resources.files("t2f_jax.experiments").joinpath("published.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(Published(**{**row, "value": float(row["value"]) if row["value"] else None}) for row in rows)


def of(setting: str) -> list[Published]:
    """The figures of one setting."""
    return [row for row in read() if row.setting == setting]
