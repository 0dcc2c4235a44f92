"""How a process finds its job."""

import pytest

from t2f_jax.distributed import hosts
from t2f_jax.errors import UserError


def test_broken_settings_are_named(monkeypatch):
    monkeypatch.setenv("T2F_COORDINATOR", "10.0.0.1:99")
    with pytest.raises(UserError, match="T2F_PROCESS_COUNT is not set, but T2F_COORDINATOR is"):
        hosts.join()
    monkeypatch.setenv("T2F_PROCESS_COUNT", "2")
    monkeypatch.setenv("T2F_PROCESS_ID", "2")
    with pytest.raises(UserError, match="T2F_PROCESS_ID=2 must be below T2F_PROCESS_COUNT=2"):
        hosts.join()
    monkeypatch.setenv("T2F_PROCESS_ID", "one")
    with pytest.raises(UserError, match="T2F_PROCESS_ID=one must be a whole number from 0 on"):
        hosts.join()
    monkeypatch.setenv("T2F_PROCESS_ID", "1")
    monkeypatch.setenv("T2F_COORDINATOR", "somewhere")
    with pytest.raises(UserError, match="must be HOST:PORT"):
        hosts.join()


def test_a_process_by_itself_is_first_and_waits_for_nobody():
    order = []
    hosts.alone(lambda: order.append("alone"), "alone")
    assert hosts.in_turn(lambda: order.append("in turn") or 3, "in turn") == 3
    assert order == ["alone", "in turn"] and hosts.first() and not hosts.many()
    assert hosts.all_agree(True) and not hosts.all_agree(False) and not hosts.stop_requested(1)
