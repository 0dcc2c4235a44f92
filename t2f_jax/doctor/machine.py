"""Checks of JAX's devices, accelerators that it does not use, cores and memory."""

import os
import pathlib

import psutil

from t2f_jax import environment
from t2f_jax.doctor.finding import Finding
from t2f_jax.errors import UserError

GIB = 2**30
LEAST_MEMORY = 3 * GIB  # what `quickstart` needs, with some reserve
# A device's file on Linux -> JAX's name of its platform, its name, and how to make JAX use it.
ACCELERATORS = {
    "/dev/nvidia0": ("gpu", "an NVIDIA GPU", "pip install 'jax[cuda13]'"),
    "/dev/accel0": ("tpu", "a TPU", "pip install libtpu"),
    "/dev/vfio/0": ("tpu", "a TPU", "pip install libtpu"),
}


def check() -> list[Finding]:
    """Devices, accelerators, cores, memory."""
    return [*_devices(), _cores(), _memory()]


def _devices() -> list[Finding]:
    try:
        environment.check_platform()
    except UserError as error:
        return [Finding("devices", str(error), "wrong", "unset or correct the variable that is named")]
    import jax

    devices = jax.devices()
    first = devices[0]
    limit = (first.memory_stats() or {}).get("bytes_limit")
    memory = f", {limit / GIB:.0f} GiB each" if limit else ""
    found = Finding("devices", f"{len(devices)} x {first.device_kind} ({first.platform}{memory})")
    return [found, *_unused(first.platform)]


def _unused(platform: str) -> list[Finding]:
    """Accelerators with device files of a kind that JAX does not use."""
    unused = {name: advice for file, (kind, name, advice) in ACCELERATORS.items() if _exists(file) and kind != platform}
    chosen = os.environ.get("JAX_PLATFORMS")
    return [
        Finding(
            "unused", f"{name} is here, JAX runs on {platform}", "optional", "unset JAX_PLATFORMS" if chosen else way
        )
        for name, way in unused.items()
    ]


def _exists(file: str) -> bool:
    return pathlib.Path(file).exists()


def _cores() -> Finding:
    return Finding("cores", f"{environment.cores()} of {os.cpu_count()} may be used")


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    told = f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB are free"
    if memory.available >= LEAST_MEMORY:
        return Finding("memory", told)
    return Finding("memory", told, "optional", "end other programs: the quickstart needs 3 GiB")
