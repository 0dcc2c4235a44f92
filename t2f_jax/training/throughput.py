"""Speed of a run's steps and utilization of the devices: numbers for the record, lines for the console."""

import math
from collections.abc import Mapping

import jax
from jax.sharding import Mesh

from t2f_jax.distributed import chips

WORK = ("sequences", "tokens", "images")  # the counts that a trainer may give for a step
GIB = 2**30


def rates(values: dict[str, float], mesh: Mesh) -> dict[str, float]:
    """A step's rates per second, from its `values`, and the memory in use on this host's first device, in bytes.

    MFU, model FLOPs (`model_flops`) as a share of the chips' peak, is NaN for chips that `chips` does not know. The
    counts are removed from `values`.
    """
    seconds = max(values["seconds"], 1e-9)
    numbers = {f"{name}_per_second": values.pop(name) / seconds for name in WORK if name in values}
    flops, chip = values.pop("model_flops", None), chips.find(mesh.devices.flat[0].device_kind)
    if flops is not None:
        numbers["model_flops_per_second"] = flops / seconds
        numbers["mfu"] = math.nan if chip is None else flops / seconds / (chip.peak_flops * mesh.devices.size)
    memory = jax.local_devices()[0].memory_stats() or {}
    names = {"hbm_bytes": "bytes_in_use", "hbm_peak_bytes": "peak_bytes_in_use"}
    return numbers | {name: float(memory[key]) for name, key in names.items() if key in memory}


def devices_line(mesh: Mesh) -> str:
    """A line such as "16 x TPU v5 lite, data=4 fsdp=4; MFU = model FLOPs / (seconds x 16 x 197 TFLOP/s)"."""
    kind, count = mesh.devices.flat[0].device_kind, mesh.devices.size
    axes = " ".join(f"{axis}={size}" for axis, size in mesh.shape.items() if size > 1)
    chip = chips.find(kind)
    if chip is None:
        share = "MFU unknown: the peak of this chip is not known"
    else:
        share = f"MFU = model FLOPs / (seconds x {count} x {chip.peak_flops / 1e12:g} TFLOP/s)"
    return f"{count} x {kind}{', ' if axes else ''}{axes}; {share}"


def note(values: Mapping[str, float]) -> str:
    """A step's numbers in a line: the loss, rates, MFU, memory, and the parts of the loss that exist."""
    parts = [f"loss {values['loss']:.4g}"]
    parts += [f"{_short(values[f'{name}_per_second'])} {name}/s" for name in WORK if f"{name}_per_second" in values]
    if "mfu" in values:
        parts.append("MFU unknown" if math.isnan(values["mfu"]) else f"MFU {values['mfu']:.1%}")
    if "hbm_bytes" in values:
        peak = f" (peak {values['hbm_peak_bytes'] / GIB:.2f})" if "hbm_peak_bytes" in values else ""
        parts.append(f"HBM {values['hbm_bytes'] / GIB:.2f} GiB{peak}")
    tasks = {name.removeprefix("loss_"): x for name, x in values.items() if name.startswith("loss_")}
    return "  ".join(parts + [f"{name} {x:.4g}" for name, x in tasks.items() if math.isfinite(x)])


def _short(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
