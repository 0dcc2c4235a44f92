"""Writes a sweep's report, NAME.html, NAME.md and NAME.csv."""

import csv
import io
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from t2f_jax.config.sweep import BASELINE, Sweep, Trial
from t2f_jax.experiments.sweeps import scaling, tables, wording
from t2f_jax.experiments.sweeps.results import Result
from t2f_jax.experiments.sweeps.tables import Row, Table
from t2f_jax.io.files import write_text
from t2f_jax.report import sweep_page, sweep_plots
from t2f_jax.report.content import Picture
from t2f_jax.report.sweep_page import Cell, Finding, SweepPage

PAGE, MARKDOWN, RUNS = ".html", ".md", ".csv"  # suffixes of a report's name
LOSS = "held_out/loss"
Found = Sequence[tuple[Trial, Result]]


def write(out: pathlib.Path, name: str, title: str, sweep: Sweep, found: Found, left: Mapping[str, str]) -> SweepPage:
    """Writes the three files into `out`.

    Args:
      name: of the files: each of several sweeps that share runs has its own report.
      found: the trials that have a result, with the result.
      left: {run: why it has no result}.
    """
    page = make(sweep, found, left)
    sweep_page.write(out / (name + PAGE), title, page)
    sweep_page.write_markdown(out / (name + MARKDOWN), title, page)
    write_text(out / (name + RUNS), _runs(found))
    return page


def make(sweep: Sweep, found: Found, left: Mapping[str, str]) -> SweepPage:
    """The report's content."""
    table = tables.make(sweep, found)
    laws, law_plots = _laws(table, found) if sweep.law else ({}, [])
    return SweepPage(
        summary=_summary(sweep, found, left),
        caution=wording.too_few(_most_seeds(table)),
        overview=_overview(table, sweep.figures),
        findings=_findings(table, sweep.figures),
        figures=[wording.headed(name, kind) for name, kind in table.kinds.items()],
        rows={row.arm.name: [_cell(row, name, table) for name in table.kinds] for row in table.rows},
        budget=_budget(table),
        left=left,
        plots=[*law_plots, *_plots(table, found)],
        laws=laws,
        notes=_notes(sweep),
        details={
            "arms": {arm.name: dict(arm.changes) for arm in sweep.arms},
            "protocols": {name: kind.protocol for name, kind in table.kinds.items()},
        },
    )


def _summary(sweep: Sweep, found: Found, left: Mapping[str, str]) -> str:
    runs = (
        f"{len(sweep.arms)} variants and the baseline, {len(sweep.seeds)} seeds each: {len(found)} runs with a result"
    )
    return runs + (f", {len(left)} without one." if left else ".")


def _notes(sweep: Sweep) -> list[str]:
    keys = ", ".join(sweep.seed_keys)
    notes = [
        f"A seed is the value of {keys}. A variant's run and the baseline's run of the same seed are compared; what"
        " the seed does not change (the test faces, and the image tokenizer unless image.train.seed is named) is the"
        " same in all runs, and the intervals do not cover its variance.",
        "Intervals are Student's over seeds, 95%. p is that of the paired t-test (with eight seeds or more, of the"
        " exact sign-flip test), corrected by Holm's method for all variants that are compared by the figure, because"
        " of many variants one differs by chance alone. The verdict is that of the corrected p, at 5%. The interval is"
        " not corrected, so it may exclude 0 although no difference is shown.",
        "The difference that these seeds would show four times out of five follows from the spread of these runs and"
        " the strictest correction. If no difference is shown, there may be a smaller one.",
        "↓: lower is better, ↑: higher is better.",
        "Every model is measured after its last step, on test faces; no checkpoint was chosen.",
    ]
    if sweep.law:
        notes.append(
            "Scaling laws are least-squares fits of floor + scale × size ^ −exponent. The frontier holds the lowest"
            " loss that any run had reached at each amount of model FLOPs, from the end of the shortest run on; within"
            " a run the learning rate had not decayed yet."
        )
    return notes


def _most_seeds(table: Table) -> int:
    """The largest number of run pairs of any difference; 0 if there is none."""
    verdicts = [cell.verdict for row in table.rows for cell in row.cells.values() if cell.verdict]
    return max((len(verdict.difference.by_seed) for verdict in verdicts), default=0)


def _overview(table: Table, figures: Sequence[str]) -> dict[str, str]:
    """{factor: its verdicts as a line}: for each figure the verdict of every arm, equal verdicts grouped."""
    told = {}
    for factor, rows in _factors(table).items():
        parts = []
        for name in table.kinds:
            arms: dict[str, list[str]] = {}
            for row in rows:
                if name in row.cells and name in (row.arm.figures or figures):
                    arms.setdefault(wording.short(row.cells[name]), []).append(row.arm.name)
            said = [verdict if len(arms) == 1 else f"{', '.join(who)} {verdict}" for verdict, who in arms.items()]
            parts += [f"{wording.headed(name, table.kinds[name])}: {', '.join(said)}"] if said else []
        told[factor] = "; ".join(parts)
    return told


def _factors(table: Table) -> dict[str, list[Row]]:
    """{factor: its arms}, in the order of the arms."""
    factors: dict[str, list[Row]] = {}
    for row in table.rows:
        if row.arm.name != BASELINE:
            factors.setdefault(row.arm.factor or row.arm.name, []).append(row)
    return factors


def _findings(table: Table, figures: Sequence[str]) -> list[Finding]:
    """A finding for each factor, in the order of the arms; `figures` are the default for arms that name none."""
    findings = []
    for factor, rows in _factors(table).items():
        question = next((row.arm.note for row in rows if row.arm.note), "")
        findings.append(Finding(factor, question, [(row.arm.name, _said(row, table, figures)) for row in rows]))
    return findings


def _said(row: Row, table: Table, figures: Sequence[str]) -> list[str]:
    names = [name for name in (row.arm.figures or figures) if name in row.cells]
    said = [wording.finding(name, row.cells[name], table.kinds[name]) for name in names]
    if not row.equal_budget:
        said.append(f"not the baseline's budget: {row.relative['model_flops']:.2f} times its model FLOPs")
    return said


def _cell(row: Row, figure: str, table: Table) -> Cell | None:
    cell, kind = row.cells.get(figure), table.kinds[figure]
    if cell is None:
        return None
    verdict = cell.verdict
    shown = verdict.outcome if verdict and verdict.outcome in ("better", "worse", "different") else ""
    changed = wording.change(verdict, kind) if verdict else "measured otherwise" if cell.measured_otherwise else ""
    return Cell(wording.value(cell.mean, kind), changed, shown, wording.seeds(row, figure, kind))


def _budget(table: Table) -> list[list[str]]:
    head = ["arm", "seeds", "steps", "parameters", "model FLOPs", "of the baseline's", "seconds"]
    rows = [
        [
            row.arm.name,
            ", ".join(map(str, row.seeds)),
            wording.count(row.costs["steps"]),
            wording.count(row.costs["parameters"]),
            wording.count(row.costs["model_flops"]),
            f"{row.relative['model_flops']:.2f}" if "model_flops" in row.relative else "–",
            wording.count(row.costs["seconds"]),
        ]
        for row in table.rows
    ]
    return [head, *rows] if rows else []


def _plots(table: Table, found: Found) -> list[Picture]:
    panels: dict[str, list[sweep_plots.Change]] = {}
    for name in table.kinds:
        scale = 100 if table.kinds[name].unit == "share" else 1
        for row in table.rows:
            verdict = row.cells[name].verdict if name in row.cells else None
            if verdict:
                one = verdict.difference
                both = one.interval and (scale * one.interval[0], scale * one.interval[1])
                values = [scale * value for value in one.by_seed.values()]
                label = f"{wording.headed(name, table.kinds[name])}, {wording.unit(table.kinds[name])}".removesuffix(
                    ", "
                )
                change = sweep_plots.Change(row.arm.name, values, scale * one.mean, both, verdict.outcome)
                panels.setdefault(label, []).append(change)
    plots = []
    if panels:
        note = "Mean over seeds with its 95% interval; a faint dot is a seed. Green is better, red is worse."
        plots.append(Picture(sweep_plots.differences(panels), "Differences from the baseline", note))
    curves: dict[str, list[tuple[Sequence[float], Sequence[float]]]] = {}
    for trial, result in found:
        row = next(row for row in table.rows if row.arm.name == trial.arm.name)
        if LOSS in row.cells and not row.cells[LOSS].measured_otherwise:
            curves.setdefault(trial.arm.name, []).append((result.curve["step"], result.curve["loss"]))
    if curves:
        note = "Variants whose loss is that of the same held-out rows; a line is a seed."
        plots.append(Picture(sweep_plots.learning_curves(curves), "Learning curves", note))
    return plots


def _laws(table: Table, found: Found) -> tuple[dict[str, str], list[Picture]]:
    """The scaling laws as text, and their plots: final loss over parameters, and the frontier over model FLOPs."""
    fitting = {r.arm.name for r in table.rows if LOSS in r.cells and not r.cells[LOSS].measured_otherwise}
    sized = [(trial.arm.name, result) for trial, result in found if trial.arm.name in fitting]
    if not sized:
        return {}, []
    sized.sort(key=lambda pair: pair[1].costs["parameters"])
    points: dict[str, tuple[list[float], list[float]]] = {}
    for name, result in sized:
        sizes, losses = points.setdefault(name, ([], []))
        sizes.append(result.costs["parameters"])
        losses.append(result.figures[LOSS].value)
    law = scaling.fit(*(np.concatenate([pair[k] for pair in points.values()]) for k in (0, 1)))
    curves = [(np.array(r.curve["model_flops"]), np.array(r.curve["loss"])) for _, r in sized]
    flops, losses = scaling.frontier(curves)
    shortest = min(float(curve[0][-1]) for curve in curves)  # before this, no run had finished
    edge = scaling.fit(flops[flops >= shortest], losses[flops >= shortest])
    firsts = {name: (r.curve["model_flops"], r.curve["loss"]) for name, r in reversed(sized)}
    firsts = dict(reversed(firsts.items()))
    words = {"loss over parameters": _law(law, "N"), "loss over model FLOPs": _law(edge, "C")}
    return words, [
        Picture(sweep_plots.law(points, law, "parameters", law.text("N") if law else ""), "Loss over parameters"),
        Picture(
            sweep_plots.law(firsts, edge, "model FLOPs", edge.text("C") if edge else "", True, shortest),
            "Loss over model FLOPs",
            "A line is the run of a size's first seed; dashed is the law of the frontier, over all seeds.",
        ),
    ]


def _law(law: scaling.Law | None, symbol: str) -> str:
    if law is None:
        return f"no law is fitted: it takes {scaling.LEAST} sizes, and losses that fall with them"
    exponent = f"exponent {law.exponent:.3f}"
    if law.interval:
        exponent += f", 95% interval {law.interval[0]:.3f} to {law.interval[1]:.3f}"
    return f"{law.text(symbol)}; {exponent}; {law.points} points, off by {law.residual:.4f} nats on average"


def _runs(found: Found) -> str:
    """One line per run: its arm, seed, folder, costs, and all figures by name."""
    names = sorted({name for _, result in found for name in result.figures})
    costs = sorted({name for _, result in found for name in result.costs})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "arm", "seed", "key", *costs, *names])
    for trial, result in found:
        values = [result.figures[name].value if name in result.figures else "" for name in names]
        writer.writerow(
            [
                trial.name,
                trial.arm.name,
                trial.seed,
                trial.key,
                *(result.costs.get(name, "") for name in costs),
                *values,
            ]
        )
    return text.getvalue()
