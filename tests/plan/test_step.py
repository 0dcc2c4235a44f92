import dataclasses

import pytest
from fake_compiler import compiled, stand_in

from t2f_jax import config
from t2f_jax.plan import figures, step, table


def test_two_devices_of_a_chip_are_counted_as_one(monkeypatch):
    plans = {}
    for kind in ("TPU7x", "TPU v5"):
        stand_in(monkeypatch, kind=kind)
        plans[kind] = step.plan_step(config.load("talk2face_base"), "any:2x2", mesh="data=8")
    halves, whole = plans["TPU7x"], plans["TPU v5"]
    assert (halves.setup.chips, halves.setup.devices, halves.speed.hosts) == (4, 8, 1)
    assert (whole.setup.chips, whole.setup.devices, whole.speed.hosts) == (8, 8, 2)
    assert halves.rows.sequences_per_chip == 2 * whole.rows.sequences_per_chip
    peak_bytes = halves.memory.peak_bytes_per_chip
    assert peak_bytes == 2 * whole.memory.peak_bytes_per_chip == 2 * compiled().peak_bytes
    assert halves.memory.spare_fraction == pytest.approx(1 - peak_bytes / halves.memory.hbm_bytes_per_chip)
    assert halves.speed.chip_hours == pytest.approx(4 * halves.speed.hours)
    peak = halves.bounds.model_flops_per_step / halves.bounds.roofline_compute_seconds
    assert peak == pytest.approx(4 * 2307e12)
    first = table.format_plan(whole).splitlines()[0]
    assert "4 x TPU7x (8 devices)" in table.format_plan(halves) and "devices)" not in first


def test_every_figure_has_a_name_of_its_own_and_one_without_a_value_is_none(monkeypatch):
    stand_in(monkeypatch, lambda *_: compiled(text=""))
    plan = step.plan_step(config.load("talk2face_base"), "v5e:2x4", mesh="data=8")
    parts = [field.type for field in dataclasses.fields(figures.Plan)]
    names = [field.name for part in parts for field in dataclasses.fields(part)]
    assert list(plan.to_json()) == names and len(set(names)) == len(names)
    unknown = {name for name, figure in plan.to_json().items() if figure is None}
    assert {"compiler_seconds", "compiler_mfu", "kernel_seconds", "collectives"} < unknown
    assert plan.speed.step_seconds == plan.bounds.roofline_seconds
    assert "the program cannot be read" in table.format_plan(plan)
