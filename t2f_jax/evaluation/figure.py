"""A figure of a result: its value, protocol, interval, and the contribution of each example.

Axes: N examples (faces, or requests for faces), K statistics of an example.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from t2f_jax.evaluation import stats

Over = Literal["examples", "sampling seeds", "training seeds"]
BETTER = ("higher", "lower", "")
OWN_FEATURES = "face features of t2f_jax"  # `network` of a protocol line: those of the evaluated model


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number of a card. Figures are compared if `name` and `protocol` are equal.

    Attributes:
      name: path of what was measured, from general to special, such as `captions/cider_d` or
        `attributes/smiling/accuracy`. Lower case; unique among the figures of a part of a card.
      value: finite.
      n: examples that were scored.
      unit: `share` (0 to 1), `dB`, `years`, ..., or "" if the number has none.
      better: `higher`, `lower`, or "" if neither is.
      protocol: one line with the implementation and every choice that changes the number, see `protocol_line`.
      interval: 95% interval, low and high.
      interval_over: what varies in the interval; None if and only if `interval` is. A bootstrap over examples says
        nothing about other seeds.
      per_example: float64, the contribution of each example, in the order of the examples' rows:
        [N]: one number per example, whose mean is `value`; NaN if the example was not scored; or
        [N, K]: statistics; `value` is `stats.COMBINATIONS[combine]` of their sums over the examples.
        None if the value is not a function of sums (FID, average precision): such a figure has no bootstrap.
      combine: see `per_example`; a key of `stats.COMBINATIONS`.

    Raises:
      ValueError: a field is not as described.
    """

    name: str
    value: float
    n: int
    unit: str
    better: Literal["higher", "lower", ""]
    protocol: str
    interval: tuple[float, float] | None = None
    interval_over: Over | None = None
    per_example: np.ndarray | None = dataclasses.field(default=None, repr=False, compare=False)
    combine: str = "ratios"

    def __post_init__(self) -> None:
        if not np.isfinite(self.value):
            raise ValueError(f"figure {self.name}: its value {self.value} is not finite")
        if self.better not in BETTER or self.combine not in stats.COMBINATIONS:
            raise ValueError(f"figure {self.name}: better={self.better!r}, combine={self.combine!r}")
        if (self.interval is None) != (self.interval_over is None):
            raise ValueError(f"figure {self.name}: an interval and what it is over come together")
        if not self.protocol or "\n" in self.protocol:
            raise ValueError(f"figure {self.name}: its protocol is one line, not {self.protocol!r}")

    @property
    def statistics(self) -> np.ndarray | None:
        """`per_example` as `stats.statistics` that can be summed, [N, K]."""
        return None if self.per_example is None else stats.statistics(self.per_example)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: every field but `per_example`, which is stored in the rows."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "per_example"}
        return values | {"interval": None if self.interval is None else list(self.interval)}

    @classmethod
    def from_dict(cls, values: dict[str, Any], per_example: np.ndarray | None = None) -> "Figure":
        """The figure that `to_dict` wrote."""
        interval = values["interval"]
        fields: dict[str, Any] = {**values, "interval": interval and tuple(interval), "per_example": per_example}
        return cls(**fields)


def of_examples(
    name: str,
    per_example: np.ndarray,
    *,
    unit: str,
    better: Literal["higher", "lower", ""],
    protocol: str,
    combine: str = "ratios",
) -> Figure:
    """A figure with its value and n from each example's contribution; `with_intervals` adds intervals.

    Args:
      per_example: [N] or [N, K], see `Figure`.

    Raises:
      ValueError: no example was scored.
    """
    per_example = np.asarray(per_example, np.float64)
    scored = ~np.isnan(per_example) if per_example.ndim == 1 else per_example.any(axis=1)
    if not scored.any():
        raise ValueError(f"figure {name}: no example was scored")
    return Figure(
        name=name,
        value=float(stats.COMBINATIONS[combine](stats.statistics(per_example).sum(0))),
        n=int(scored.sum()),
        unit=unit,
        better=better,
        protocol=protocol,
        per_example=per_example,
        combine=combine,
    )


def with_intervals(figures: Sequence[Figure], seed: int = 0) -> list[Figure]:
    """Adds 95% percentile-bootstrap intervals to figures that are sums over examples; others stay as they are.

    Figures with the same number of examples share their resamples, which are drawn once.

    Args:
      seed: of the resamples.
    """
    found, added = list(figures), {i: f.per_example for i, f in enumerate(figures) if f.interval is None}
    sums = {i: values for i, values in added.items() if values is not None}
    ends = stats.intervals(list(sums.values()), [found[i].combine for i in sums], seed)
    for i, both in zip(sums, ends, strict=True):
        found[i] = dataclasses.replace(found[i], interval=both, interval_over="examples")
    return found


def protocol_line(implementation: str, **choices: object) -> str:
    """`psnr|channels:rgb|quantised:uint8|version:1`: the implementation, then every choice that changes the number.

    Like sacrebleu's signature (Post, A Call for Clarity in Reporting BLEU Scores, WMT 2018). Choices keep their order.
    A metric whose computation changes gets another `version`.
    """
    return "|".join([implementation, *(f"{key}:{value}" for key, value in choices.items())])
