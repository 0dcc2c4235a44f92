"""The machine: devices, and accelerators that JAX does not use."""

from t2f_jax import environment
from t2f_jax.doctor import machine
from t2f_jax.errors import UserError


def by_name(findings):
    return {finding.name: finding for finding in findings}


def test_a_cpu_has_devices_cores_and_memory(monkeypatch):
    monkeypatch.setattr(machine, "_exists", lambda file: False)
    found = by_name(machine.check())
    assert set(found) == {"devices", "cores", "memory"}
    assert "(cpu)" in found["devices"].told and "GiB are free" in found["memory"].told


def test_a_gpu_that_jax_does_not_use(monkeypatch):
    monkeypatch.setattr(machine, "_exists", lambda file: file == "/dev/nvidia0")
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    unused = by_name(machine.check())["unused"]
    assert unused.told == "an NVIDIA GPU is here, JAX runs on cpu" and unused.mend == "pip install 'jax[cuda13]'"
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert by_name(machine.check())["unused"].mend == "unset JAX_PLATFORMS"


def test_devices_that_do_not_start(monkeypatch):
    def fail():
        raise UserError("JAX_PLATFORMS=tpu: no such device here; unset it")

    monkeypatch.setattr(environment, "check_platform", fail)
    devices = machine.check()[0]
    assert devices.state == "wrong" and "JAX_PLATFORMS=tpu" in devices.told


def test_little_memory_is_told(monkeypatch):
    monkeypatch.setattr(machine, "LEAST_MEMORY", 2**60)
    assert by_name(machine.check())["memory"].state == "optional"
