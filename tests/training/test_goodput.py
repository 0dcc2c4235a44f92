"""Where a run's time goes."""

import time

from t2f_jax.training import goodput


def test_goodput_counts_all_starts_together(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    clock = goodput.Clock(990.0)  # 10 s until the first state was there
    with clock.spending("input"):
        now[0] += 5
    now[0] += 80  # steps
    with clock.spending("saving"):
        now[0] += 5
    told = clock.record()
    assert told["goodput"] == {
        "share": 0.8, "wall": 100.0, "steps": 80.0, "compile": 10.0, "input": 5.0, "eval": 0.0, "saving": 5.0,
        "restart": 0.0,
    }  # fmt: skip
    now[0] += 100  # killed, and started again
    clock = goodput.Clock(now[0] - 20, told)
    now[0] += 200
    told = clock.record()["goodput"]
    assert (told["wall"], told["steps"], told["restart"], told["share"]) == (400.0, 280.0, 100.0, 0.7)
    assert clock.summary() == "400.0 s (steps 70%, compile 2%, input 1%, saving 1%, restart 25%)"


def test_a_clock_that_was_set_back_takes_no_time_from_a_run(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    clock = goodput.Clock(1000.0)
    now[0] += 100
    told, now[0] = clock.record(), 5.0
    clock = goodput.Clock(4.0, told)
    now[0] += 10
    assert clock.record()["goodput"] == {**told["goodput"], "wall": 110.0, "steps": 110.0}
