"""A row of the table that `t2f bench` prints, and its text."""

import dataclasses

HEADER = f"{'name':18} {'value':>10} {'unit':12} {'baseline':>10} {'ratio':>8} {'of limit':>9}"


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
      baseline: what it is compared with, in the same unit; None if there is none.
      ratio: how many times better than the baseline it is.
      share_of_limit: speed as a share of the limit set by the machine's measured matrix products and reads.
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    share_of_limit: float | None = None


def format_row(row: Row) -> str:
    """The row as a line under `HEADER`; "-" for missing values."""
    value, baseline, ratio = (f"{v:.4g}" if v is not None else "-" for v in (row.value, row.baseline, row.ratio))
    limit = f"{row.share_of_limit:.0%}" if row.share_of_limit is not None else "-"
    return f"{row.name:18} {value:>10} {row.unit:12} {baseline:>10} {ratio:>8} {limit:>9}"
