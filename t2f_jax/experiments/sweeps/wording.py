"""Figures and verdicts as text."""

from t2f_jax.evaluation.figure import Figure
from t2f_jax.experiments.sweeps.tables import Cell, Row
from t2f_jax.experiments.sweeps.verdicts import LEVEL, Verdict

TITLES = {
    "held_out/loss": "held-out loss",
    "attributes/accuracy": "attributes, accuracy",
    "attributes/age/mae": "age, mean absolute error",
    "requests/attributes_seen": "requested attributes seen",
    "captions/fact_precision": "facts in captions that are true",
    "captions/fact_recall": "facts that captions state",
    "captions/repeats": "captions that repeat a fact",
    "reconstruction/psnr": "reconstruction",
}


def title(figure: str) -> str:
    """Such as `age, mean absolute error`; the name of a figure without a title."""
    return TITLES.get(figure, figure.replace("_", " "))


def value(x: float, kind: Figure) -> str:
    """98.2%, 3.70 years, 0.5751 nats."""
    if kind.unit == "share":
        return f"{100 * x:.1f}%"
    digits = 4 if kind.unit == "nats" else 2
    return f"{x:.{digits}f} {kind.unit}".rstrip()


def bare(x: float, kind: Figure) -> str:
    """A difference without its unit: +1.2 (points of a share), -0.31, +0.0123; `points` of a share are percent."""
    scaled, digits = (100 * x, 2) if kind.unit == "share" else (x, 4 if kind.unit == "nats" else 2)
    return f"{scaled:+.{digits}f}".replace("-", "−")


def unit(kind: Figure) -> str:
    """The unit of a difference."""
    return {"share": "points", "nats": "nats"}.get(kind.unit, kind.unit)


def interval(both: tuple[float, float] | None, kind: Figure) -> str:
    """Such as ` [−0.31, +0.02]`; empty for None."""
    return f" [{bare(both[0], kind)}, {bare(both[1], kind)}]" if both else ""


def change(verdict: Verdict, kind: Figure) -> str:
    """Such as `−2.10 points [−3.00, −1.20]`."""
    one = verdict.difference
    return f"{bare(one.mean, kind)} {unit(kind)}".rstrip() + interval(one.interval, kind)


def headed(figure: str, kind: Figure) -> str:
    """A figure's title, and an arrow in its better direction: `held-out loss ↓`."""
    return title(figure) + {"higher": " ↑", "lower": " ↓", "": ""}[kind.better]


def finding(name: str, cell: Cell, kind: Figure) -> str:
    """A sentence about the verdict on an arm's figure."""
    verdict, head = cell.verdict, headed(name, kind)
    if cell.measured_otherwise:
        return f"{head}: measured differently from the baseline, not comparable"
    if verdict is None:
        return f"{head}: not compared"
    told = f"{head}: {verdict.outcome}, {change(verdict, kind)}"
    p = verdict.difference.p
    if verdict.p_corrected is None or p is None:
        return f"{told} (one seed, or no spread over seeds)"
    told += f", {_p(verdict.p_corrected)}"
    if verdict.arms > 1:
        told += f" after the correction for {verdict.arms} variants"
    if verdict.outcome != "no difference shown":
        return told
    if p <= 1 - LEVEL:  # the interval, which is not corrected, excludes 0
        told += f" ({_p(p)} before it, so the interval, which is not corrected, excludes 0)"
    if kind.unit == "share" and (verdict.detectable or 0) > 1:
        told += "; with these seeds no difference could be shown"
    elif verdict.detectable is not None and verdict.detectable > abs(verdict.difference.mean):
        size = f"{bare(verdict.detectable, kind)[1:]} {unit(kind)}".rstrip()
        told += f"; with these seeds a true difference of {size} would be shown four times out of five"
    return told


def _p(p: float) -> str:
    return f"p {p:.2g}" if p >= 1e-3 else "p < 0.001"


def short(cell: Cell) -> str:
    """A verdict in one to three words."""
    if cell.measured_otherwise:
        return "not comparable"
    return cell.verdict.outcome if cell.verdict else "not compared"


def too_few(seeds: int) -> str:
    """A sentence about what so few pairs of runs can show; empty if they are enough."""
    if seeds == 1:
        return (
            "One seed shows nothing: no difference can be told apart from chance. Give the sweep three seeds or more."
        )
    if seeds == 2:
        return (
            "Two seeds are too few: a difference must be 13 times as large as its standard error to be shown, with"
            " three seeds 4.3 times, and larger after the correction. Give the sweep three seeds or more."
        )
    return ""


def count(x: float) -> str:
    """1.2e15 -> 1.20e15; 12345 -> 12,345."""
    return f"{x:.2e}".replace("e+", "e") if x >= 1e9 else f"{x:,.0f}"


def seeds(row: Row, figure: str, kind: Figure) -> str:
    """Each seed's value, in the order of the seeds."""
    cell = row.cells.get(figure)
    return "; ".join(value(x, kind) for _, x in sorted(cell.values.items())) if cell else "–"
