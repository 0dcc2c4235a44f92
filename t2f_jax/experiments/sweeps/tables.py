"""Tables of a sweep's results: each arm's values over seeds, differences from the baseline, verdicts, budget."""

import dataclasses
from collections.abc import Mapping, Sequence

from t2f_jax.config.sweep import BASELINE, Arm, Sweep, Trial
from t2f_jax.evaluation.figure import Figure
from t2f_jax.experiments.sweeps import verdicts
from t2f_jax.experiments.sweeps.results import Result
from t2f_jax.experiments.sweeps.verdicts import Difference, Verdict

BUDGET = ("steps", "parameters", "model_flops", "seconds")  # costs that are shown
EQUAL = 0.05  # model FLOPs that differ by at most this share from the baseline's count as an equal budget


@dataclasses.dataclass(frozen=True)
class Cell:
    """A figure of an arm.

    Attributes:
      values: {seed: value}.
      mean, interval: over seeds.
      verdict: against the baseline; None for the baseline itself, without a common seed, if `measured_otherwise`, or if
        the arm is not compared by this figure.
      measured_otherwise: whether the baseline's figure has another protocol, such as a loss on other codes.
    """

    values: Mapping[int, float]
    mean: float
    interval: tuple[float, float] | None
    verdict: Verdict | None = None
    measured_otherwise: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """An arm: its figures by name, the mean of its costs, and these as shares of the baseline's."""

    arm: Arm
    seeds: tuple[int, ...]
    cells: Mapping[str, Cell]
    costs: Mapping[str, float]
    relative: Mapping[str, float]

    @property
    def equal_budget(self) -> bool:
        """Whether it used as many model FLOPs as the baseline."""
        return abs(self.relative.get("model_flops", 1.0) - 1) <= EQUAL


@dataclasses.dataclass(frozen=True)
class Table:
    """All arms that have a result; the baseline, if it has one, is first.

    Attributes:
      kinds: for each figure that arms are compared by, in order, the figure of some run, for its unit and direction.
    """

    rows: Sequence[Row]
    kinds: Mapping[str, Figure]


def make(sweep: Sweep, found: Sequence[tuple[Trial, Result]]) -> Table:
    """The table of the available results."""
    by_arm: dict[str, tuple[Arm, dict[int, Result]]] = {}
    for trial, result in found:
        by_arm.setdefault(trial.arm.name, (trial.arm, {}))[1][trial.seed] = result
    baseline = by_arm.get(BASELINE, (Arm(BASELINE, {}), {}))[1]
    order = [name for name in (BASELINE, *(arm.name for arm in sweep.arms)) if name in by_arm]
    judged = list(dict.fromkeys([*sweep.figures, *(name for arm in sweep.arms for name in arm.figures)]))
    kinds = _kinds(judged, [result for _, results in by_arm.values() for result in results.values()])
    cells = {name: {figure: _cell(by_arm[name][1], baseline, figure) for figure in kinds} for name in order}
    decided = {figure: _verdicts(sweep, figure, kinds[figure], by_arm, baseline, cells) for figure in kinds}
    rows = []
    for name in order:
        arm, results = by_arm[name]
        full = {f: dataclasses.replace(c, verdict=decided[f].get(name)) for f, c in cells[name].items() if c}
        costs = _costs(results)
        normal = _costs(baseline)
        relative = {key: costs[key] / normal[key] for key in costs if normal.get(key)}
        rows.append(Row(arm, tuple(sorted(results)), full, costs, relative))
    return Table(rows, kinds)


def _kinds(judged: Sequence[str], results: Sequence[Result]) -> dict[str, Figure]:
    every = {name: figure for result in results for name, figure in result.figures.items()}
    return {name: every[name] for name in judged if name in every}


def _cell(results: Mapping[int, Result], baseline: Mapping[int, Result], figure: str) -> Cell | None:
    values = {seed: r.figures[figure].value for seed, r in results.items() if figure in r.figures}
    if not values:
        return None
    both = [seed for seed in values if seed in baseline and figure in baseline[seed].figures]
    otherwise = any(results[s].figures[figure].protocol != baseline[s].figures[figure].protocol for s in both)
    return Cell(values, *verdicts.spread(values), measured_otherwise=otherwise)


def _verdicts(
    sweep: Sweep,
    figure: str,
    kind: Figure,
    by_arm: Mapping[str, tuple[Arm, Mapping[int, Result]]],
    baseline: Mapping[int, Result],
    cells: Mapping[str, Mapping[str, Cell | None]],
) -> dict[str, Verdict]:
    """The verdicts on a figure: of the arms that are compared by it and have the baseline's protocol."""
    normal = {seed: r.figures[figure].value for seed, r in baseline.items() if figure in r.figures}
    differences: dict[str, Difference] = {}
    for name, (arm, _) in by_arm.items():
        cell = cells[name][figure]
        if name == BASELINE or cell is None or cell.measured_otherwise or figure not in (arm.figures or sweep.figures):
            continue
        if found := verdicts.difference(cell.values, normal):
            differences[name] = found
    return verdicts.judge(differences, kind.better)


def _costs(results: Mapping[int, Result]) -> dict[str, float]:
    return {key: sum(r.costs[key] for r in results.values()) / len(results) for key in BUDGET} if results else {}
