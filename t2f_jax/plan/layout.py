"""Chooses a training run's mesh and gradient accumulation if its config leaves them open.

Memory and traffic of a step are estimated by formulas, before anything is compiled. `t2f train` chooses for the present
devices, `t2f plan` for those of the topology; for the same devices both make the same choice. Axis names as in
`partitioning`.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from t2f_jax.config.schema import DecoderRunConfig
from t2f_jax.distributed import chips, partitioning
from t2f_jax.models import flops

SPARE = 0.15  # share of a device's memory to leave free
OPTIMIZER_ARRAYS = 3  # besides the parameters: two moments, the averaged weights
# By remat policy: bytes per token that a layer saves for the backward pass, divided by the model's width, for an MLP of
# four times the width and two bytes per entry.
SAVED_ACTIVATIONS = {"none": 34.0, "dots": 22.0, "mlp": 18.0, "attention": 10.0, "full": 2.0}
# By remat policy: share of a layer's forward products that the backward pass recomputes.
RECOMPUTE_SHARE = {"none": 0.0, "dots": 0.0, "mlp": 1 / 12, "attention": 5 / 12, "full": 1.0}


@dataclasses.dataclass(frozen=True)
class Traffic:
    """Bytes that one device reads, writes and sends in a step, for weights and gradients only.

    Attributes:
      weights: read and written in its memory for the parts of the batch.
      updates: read and written in its memory by the optimizer, once per step.
      ici: sent to devices of its slice.
      dcn: sent to other slices.
    """

    weights: float
    updates: float
    ici: float
    dcn: float


def traffic(config: DecoderRunConfig, vocab_size: int, mesh: dict[str, int]) -> Traffic:
    """Traffic of weights and gradients on a mesh of these axis sizes.

    Memory: each part reads the weights in compute precision once per pass and, if there are several parts, adds its
    gradients to a sum in float32. Once per step the optimizer reads the gradients and reads and writes the parameters
    and its own arrays, all in float32.

    Interconnect, the bytes that a device of a ring sends: in each part fsdp gathers the weights twice (forward and
    backward) and scatters the gradients; data sums the gradients. Network: slice sums the part of the gradients that
    is left on a device after data has scattered them. Weights and gradients are sent in compute precision.
    """
    entry, parts = entry_bytes(config), max(config.accumulate, 1)
    entries = flops.parameters(config.model, vocab_size)
    shards, whole = mesh["fsdp"] * mesh["tensor"], entries / mesh["tensor"]
    passes = 2 + (RECOMPUTE_SHARE[config.model.remat] > 0)
    weights = (whole * entry * passes + (8 * entries / shards if parts > 1 else 0)) * parts
    updates = entries / shards * 4 * (2 * (1 + OPTIMIZER_ARRAYS) + 2)
    ici = (
        _sent_share(mesh["fsdp"]) * whole * entry * 3 * parts + 2 * _sent_share(mesh["data"]) * entries / shards * entry
    )
    return Traffic(weights, updates, ici, 2 * _sent_share(mesh["slice"]) * entries / shards / mesh["data"] * entry)


def memory(config: DecoderRunConfig, vocab_size: int, mesh: dict[str, int]) -> float:
    """Estimated bytes that a step needs on one device. Compiled steps needed 0.76 to 1.05 times as much."""
    model, entry, parts = config.model, entry_bytes(config), max(config.accumulate, 1)
    ways, shards = mesh["slice"] * mesh["data"] * mesh["fsdp"], mesh["fsdp"] * mesh["tensor"]
    entries = flops.parameters(model, vocab_size)
    tokens = config.train.batch_size * config.row_ids / ways / parts
    state = entries / shards * 4 * (1 + OPTIMIZER_ARRAYS)
    saved = tokens * model.layers * SAVED_ACTIVATIONS[model.remat] * model.width * entry / 2 / mesh["tensor"] ** 0.5
    gradients = entries / shards * 4 * (2 if parts > 1 else 1) + 4 * entries / mesh["tensor"] / model.layers
    working = tokens * (model.mlp * 6 + model.width * 16) * entry / mesh["tensor"] + 2 * 4 * vocab_size * 2048
    tables = vocab_size * model.width * (4 + entry) * 2
    return state + saved + gradients + working + tables


def entry_bytes(config: DecoderRunConfig) -> int:
    """Bytes of one entry of a weight or an activation in compute precision."""
    return 2 if config.train.compute_dtype == "bfloat16" else 4


def choose(config: DecoderRunConfig, vocab_size: int, devices: Sequence[Any], mesh: str = "") -> DecoderRunConfig:
    """`config` with a mesh, if it names none, and a number of parts of a batch, if `accumulate` is 0.

    Tries meshes of data and fsdp (within a slice) and every number of parts. Among those that are estimated to leave
    `SPARE` of a device's memory free, it takes the one whose weights and gradients take the least time to read, write
    and send; if there are none, the one that needs the least memory. For an unknown chip nothing is chosen: one part,
    and the mesh of `config`.

    Args:
      devices: all devices of the run.
      mesh: replaces `config.train.mesh`, unless it is empty.

    Raises:
      UserError: a mesh that does not fit the devices.
    """
    chip, given = chips.find(devices[0].device_kind), mesh or config.train.mesh
    if chip is None:
        return _with(config, given, max(config.accumulate, 1))
    shapes = [dict(partitioning.make_mesh(given, devices).shape)] if given else _shapes(devices)
    tried = [
        (shape, _with(config, given or mesh_text(shape), parts))
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


def mesh_text(shape: dict[str, int]) -> str:
    """Axis sizes -> text such as "data=2,fsdp=4", as in `train.mesh`."""
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
    """Numbers of parts of a batch that give every device whole rows in each part."""
    rows = config.train.batch_size // math.prod(shape[axis] for axis in ("slice", "data", "fsdp"))
    return [n for n in range(1, rows + 1) if rows % n == 0] or [1]


def _sent_share(members: int) -> float:
    """Share of an array that each member of a ring sends in an all-gather or a reduce-scatter."""
    return (members - 1) / members
