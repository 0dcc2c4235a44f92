"""How a training run is laid out over devices when its config leaves that open: mesh and gradient accumulation.

Memory and traffic of a step are estimated by formulas, before anything is compiled. `t2f train` asks for the devices
that are there, `t2f plan` for those that are planned with: both do the same. Axis names as in `partitioning`.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from t2f_jax.config.schema import DecoderRunConfig
from t2f_jax.distributed import chips, partitioning
from t2f_jax.models import flops

SPARE = 0.15  # share of a device's memory to leave
OPTIMIZER_ARRAYS = 3  # beside the parameters: two moments, the averaged weights
# Bytes a token and layer that the backward pass finds again, in units of the width, for an MLP of four times that and
# half precision; and the share of a layer's forward products that is computed twice.
KEPT = {"none": 34.0, "dots": 22.0, "mlp": 18.0, "attention": 10.0, "full": 2.0}
AGAIN = {"none": 0.0, "dots": 0.0, "mlp": 1 / 12, "attention": 5 / 12, "full": 1.0}


@dataclasses.dataclass(frozen=True)
class Traffic:
    """Bytes of one device and step that weights and gradients alone cause.

    Attributes:
      weights: of its memory, for each part of the batch.
      updates: of its memory, once a step.
      ici, dcn: to devices of its slice, to other slices.
    """

    weights: float
    updates: float
    ici: float
    dcn: float


def traffic(config: DecoderRunConfig, vocab_size: int, mesh: dict[str, int]) -> Traffic:
    """Traffic of weights and gradients on a mesh of these axis sizes.

    Memory: in each part the weights in compute precision once a pass over them, and the sum of several parts' gradients
    in float32; gradients, parameters and optimizer once, in float32. Interconnect, a ring's bytes of a device: in each
    part fsdp gathers the weights forward and backward and scatters gradients; data adds gradients up. Network: slice
    adds up the part of the gradients that a device is left with when data has scattered them. Weights and gradients
    travel in compute precision.
    """
    half, parts = _half(config), max(config.accumulate, 1)
    entries = flops.parameters(config.model, vocab_size)
    shards, whole = mesh["fsdp"] * mesh["tensor"], entries / mesh["tensor"]
    passes = 2 + (AGAIN[config.model.remat] > 0)
    weights = (whole * half * passes + (8 * entries / shards if parts > 1 else 0)) * parts
    updates = entries / shards * 4 * (2 * (1 + OPTIMIZER_ARRAYS) + 2)
    ici = _share(mesh["fsdp"]) * whole * half * 3 * parts + 2 * _share(mesh["data"]) * entries / shards * half
    return Traffic(weights, updates, ici, 2 * _share(mesh["slice"]) * entries / shards / mesh["data"] * half)


def memory(config: DecoderRunConfig, vocab_size: int, mesh: dict[str, int]) -> float:
    """Bytes that a step needs on one device, estimated. Compiled steps needed 0.76 to 1.05 times that."""
    model, half, parts = config.model, _half(config), max(config.accumulate, 1)
    ways, shards = mesh["slice"] * mesh["data"] * mesh["fsdp"], mesh["fsdp"] * mesh["tensor"]
    entries = flops.parameters(model, vocab_size)
    tokens = config.train.batch_size * config.row_ids / ways / parts
    held = entries / shards * 4 * (1 + OPTIMIZER_ARRAYS)
    kept = tokens * model.layers * KEPT[model.remat] * model.width * half / 2 / mesh["tensor"] ** 0.5
    gradients = entries / shards * 4 * (2 if parts > 1 else 1) + 4 * entries / mesh["tensor"] / model.layers
    working = tokens * (model.mlp * 6 + model.width * 16) * half / mesh["tensor"] + 2 * 4 * vocab_size * 2048
    tables = vocab_size * model.width * (4 + half) * 2
    return held + kept + gradients + working + tables


def chosen(config: DecoderRunConfig, vocab_size: int, devices: Sequence[Any], mesh: str = "") -> DecoderRunConfig:
    """`config` with a mesh, where it names none, and a number of parts, where `accumulate` is 0.

    Of the meshes of data and fsdp (within a slice) and of the parts that leave `SPARE` by the estimate, those whose
    weights and gradients travel shortest; where none does, what takes least memory. On an unknown chip nothing is
    chosen: one part, and a mesh as `config` has it.

    Args:
      devices: all that the run will have.
      mesh: instead of `config.train.mesh`.

    Raises:
      UserError: a mesh that does not fit the devices.
    """
    chip, settled = chips.find(devices[0].device_kind), mesh or config.train.mesh
    if chip is None:
        return _with(config, settled, max(config.accumulate, 1))
    shapes = [dict(partitioning.make_mesh(settled, devices).shape)] if settled else _shapes(devices)
    tried = [
        (shape, _with(config, settled or written(shape), parts))
        for shape in shapes
        for parts in ([config.accumulate] if config.accumulate else _parts(config, shape))
    ]

    def rank(choice: tuple[dict[str, int], DecoderRunConfig]) -> tuple[bool, float]:
        shape, run = choice
        moved, need = traffic(run, vocab_size, shape), memory(run, vocab_size, shape)
        seconds = moved.weights / chip.hbm_bandwidth + moved.ici / chip.ici_bandwidth + moved.dcn / chip.dcn_bandwidth
        fits = need <= (1 - SPARE) * chip.hbm_bytes
        return not fits, seconds if fits else need

    return min(tried, key=rank)[1]


def written(shape: dict[str, int]) -> str:
    """Axis sizes as `train.mesh` is written."""
    return ",".join(f"{axis}={size}" for axis, size in shape.items() if size > 1) or "data=1"


def _with(config: DecoderRunConfig, mesh: str, parts: int) -> DecoderRunConfig:
    return dataclasses.replace(config, accumulate=parts, train=dataclasses.replace(config.train, mesh=mesh))


def _shapes(devices: Sequence[Any]) -> list[dict[str, int]]:
    """Meshes of data and, by powers of two, fsdp."""
    slices = partitioning.count_slices(devices)
    within = len(devices) // slices
    cuts = [2**k for k in range(within.bit_length()) if within % 2**k == 0]
    return [{"slice": slices, "data": within // n, "fsdp": n, "tensor": 1} for n in cuts]


def _parts(config: DecoderRunConfig, shape: dict[str, int]) -> list[int]:
    """Numbers of parts that leave every device whole rows."""
    rows = config.train.batch_size // math.prod(shape[axis] for axis in ("slice", "data", "fsdp"))
    return [n for n in range(1, rows + 1) if rows % n == 0] or [1]


def _half(config: DecoderRunConfig) -> int:
    return 2 if config.train.compute_dtype == "bfloat16" else 4


def _share(members: int) -> float:
    return (members - 1) / members
