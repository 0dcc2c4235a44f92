"""The table of a sweep, and what its report says of it."""

import csv

import numpy as np
import pytest
import sweep_runs

from t2f_jax.config.sweep import Arm, Sweep
from t2f_jax.experiments.sweeps import report, tables


def test_a_table_has_verdicts_where_both_were_measured_alike():
    table = tables.make(sweep_runs.SWEEP, sweep_runs.found())
    rows = {row.arm.name: row for row in table.rows}
    assert list(rows) == ["baseline", "causal", "wide", "x"]
    loss = {name: row.cells["held_out/loss"] for name, row in rows.items()}
    assert loss["baseline"].verdict is None and loss["baseline"].mean == pytest.approx(0.6 + 0.01 / 3)
    assert loss["causal"].verdict.outcome == "worse"
    assert loss["causal"].verdict.difference.mean == pytest.approx(0.201)
    assert loss["wide"].verdict.outcome == "no difference shown" and loss["wide"].verdict.detectable > 0.05
    assert loss["x"].measured_otherwise and loss["x"].verdict is None
    assert rows["x"].cells["attributes/accuracy"].verdict.p_corrected is not None
    assert rows["causal"].equal_budget and not rows["wide"].equal_budget
    assert rows["wide"].relative["model_flops"] == 1.5


def test_an_arm_is_compared_by_its_own_figures_alone():
    arms = (Arm("causal", {}, figures=("attributes/accuracy",)), *sweep_runs.ARMS[1:])
    renamed = [(sweep_runs.trial(arms[0], t.seed) if t.arm.name == "causal" else t, r) for t, r in sweep_runs.found()]
    table = tables.make(Sweep(arms, ("held_out/loss",)), renamed)
    causal = next(row for row in table.rows if row.arm.name == "causal")
    assert causal.cells["held_out/loss"].verdict is None and causal.cells["attributes/accuracy"].verdict
    assert list(table.kinds) == ["held_out/loss", "attributes/accuracy"]
    told = dict(line for f in report.make(Sweep(arms, ("held_out/loss",)), renamed, {}).findings for line in f.lines)
    assert len(told["causal"]) == 1 and told["causal"][0].startswith("attributes, accuracy ↑: worse")
    assert [line.split(":")[0] for line in told["wide"]] == ["held-out loss ↓", "not the baseline's budget"]


def test_a_sweep_that_has_just_begun_has_a_report_too(tmp_path):
    page = report.write(tmp_path, "one", "t", sweep_runs.SWEEP, sweep_runs.found()[1:2], {"x-0": "not run yet"})
    assert page.findings[0].lines[0][1] == [
        "held-out loss ↓: not compared",
        "attributes, accuracy ↑: not compared",
    ]
    assert "x-0" in (tmp_path / "one.html").read_text()
    report.write(tmp_path, "one", "t", sweep_runs.SWEEP, [], {"x-0": "ended by SIGKILL"})
    assert "ended by SIGKILL" in (tmp_path / "one.html").read_text()


def test_the_files_tell_all(tmp_path):
    left = {"wide-3": "the loss is nan"}
    page = report.write(tmp_path, "one", "A <sweep>", sweep_runs.SWEEP, sweep_runs.found(), left)
    said = dict(page.findings[0].lines)["causal"]
    assert said[0].startswith(
        "held-out loss ↓: worse, +0.2010 nats [+0.1985, +0.2035], p < 0.001 after the correction for 2"
    )
    assert said[1].startswith("attributes, accuracy ↑: worse, −9.90 points")
    wide = dict(page.findings[1].lines)["wide"]
    assert wide[0].startswith("held-out loss ↓: no difference shown") and wide[0].endswith(
        "nats would be shown four times out of five"
    )
    assert wide[-1] == "not the baseline's budget: 1.50 times its model FLOPs"
    assert dict(page.findings[2].lines)["x"][0].endswith("not comparable")
    assert page.overview == {
        "mask": "held-out loss ↓: worse; attributes, accuracy ↑: worse",
        "wide": "held-out loss ↓: no difference shown; attributes, accuracy ↑: no difference shown",
        "x": "held-out loss ↓: not comparable; attributes, accuracy ↑: worse",
    }
    assert not page.caution
    html, text = (tmp_path / "one.html").read_text(), (tmp_path / "one.md").read_text()
    assert "A &lt;sweep&gt;" in html and html.count("<img") == 2 and "the loss is nan" in html
    assert "| baseline | 0.6033 nats | 89.7% |" in text and "**worse**" in text and "Holm" in text
    rows = list(csv.DictReader((tmp_path / "one.csv").open()))
    assert len(rows) == 12 and rows[1]["run"] == "causal-0" and float(rows[1]["held_out/loss"]) == 0.8


def test_a_difference_that_the_correction_takes_away_is_explained():
    arms = [Arm(name, {}) for name in ("a", "b", "c")]
    sweep = Sweep(arms, ("held_out/loss",), seeds=(0, 1))
    found = [(sweep_runs.trial(Arm("baseline", {}), seed), sweep_runs.result(1.0, 0.9)) for seed in (0, 1)]
    for arm, values in zip(arms, ((2.0, 2.06), (1.1, 0.8), (0.9, 1.0)), strict=True):
        found += [(sweep_runs.trial(arm, seed), sweep_runs.result(values[seed], 0.9)) for seed in (0, 1)]
    page = report.make(sweep, found, {})
    (said,) = dict(page.findings[0].lines)["a"]
    assert "no difference shown, +1.0300 nats [+0.6488, +1.4112], p 0.056 after the correction for 3 variants" in said
    assert "(p 0.019 before it, so the interval, which is not corrected, excludes 0)" in said
    shown = float(said.split("a true difference of ")[1].split()[0])
    assert shown > 1.03, "never less than what was seen, and is not shown"
    assert page.caution.startswith("Two seeds are too few")
    one = report.make(sweep, [pair for pair in found if pair[0].seed == 0], {})
    assert one.caution.startswith("One seed shows nothing") and "not tested" in one.overview["a"]


def test_a_sweep_of_sizes_has_laws():
    sizes = np.geomspace(1e4, 1e6, 5)
    arms = [Arm(f"w{i}", {}) for i in range(1, 5)]
    found = [
        (sweep_runs.trial(arm, seed), sweep_runs.result(0.5 + 20 * n**-0.4 + seed / 5000, 0.9, n))
        for seed in (0, 1)
        for arm, n in zip([Arm("baseline", {}), *arms], sizes)
    ]
    page = report.make(Sweep(arms, seeds=(0, 1), law=True), found, {})
    law = page.laws["loss over parameters"]
    assert law.startswith("L = 0.") and "10 points" in law and "95% interval" in law
    assert page.laws["loss over model FLOPs"].startswith("L = ")
    assert [plot.title for plot in page.plots][:2] == ["Loss over parameters", "Loss over model FLOPs"]
