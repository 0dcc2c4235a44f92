"""Bounds of a training step's time and memory by formulas, before anything is compiled.

A time here is a lower bound: what must be computed at the peak, what must be read and written at the memory's
bandwidth, what must be sent at the links' bandwidth, each as if the other two cost nothing. Axis names as in
`partitioning`; M width, F width of the MLP, V vocabulary; t ids that one chip computes in a step.
"""

import dataclasses
import math
from collections.abc import Sequence

from t2f_jax import model_flops
from t2f_jax.chips import Chip
from t2f_jax.config import DecoderRunConfig
from t2f_jax.plan.hlo import Collective
from t2f_jax.plan.workload import Workload

OPTIMIZER_ARRAYS = 3  # beside the parameters: two moments, the averaged weights
# Bytes a token and layer that the backward pass finds again, in units of M, for F = 4 M and half precision; and the
# share of a layer's forward products that is computed twice.
KEPT = {"none": 34.0, "dots": 22.0, "mlp": 18.0, "attention": 10.0, "full": 2.0}
AGAIN = {"none": 0.0, "dots": 0.0, "mlp": 1 / 12, "attention": 5 / 12, "full": 1.0}


@dataclasses.dataclass(frozen=True)
class Bounds:
    """Of one step on one chip.

    Attributes:
      compute, hbm, ici, dcn: seconds at least.
      memory: bytes, estimated.
    """

    compute: float
    hbm: float
    ici: float
    dcn: float
    memory: float

    @property
    def seconds(self) -> float:
        """The largest of the four: no step is faster."""
        return max(self.compute, self.hbm, self.ici, self.dcn)

    @property
    def bound(self) -> str:
        """What the largest is of: compute, hbm, interconnect (of a slice) or network (between slices)."""
        times = {"compute": self.compute, "hbm": self.hbm, "interconnect": self.ici, "network": self.dcn}
        return max(times, key=lambda name: times[name])


def bounds(config: DecoderRunConfig, load: Workload, mesh: dict[str, int], chip: Chip) -> Bounds:
    """Bounds of a step of `config.train.batch_size` rows on a mesh of these axis sizes.

    Compute: the model FLOPs alone. HBM: the weights in compute precision once a pass over them, gradients, parameters
    and optimizer read and written once in float32, what a layer keeps written and read, the residual stream and the
    products' inputs and outputs once a pass. Interconnect, a ring's bytes of a chip: fsdp gathers the weights forward
    and backward and scatters gradients; data adds gradients up; tensor adds activations up four times a layer. Network:
    slice adds up the part of the gradients that a chip is left with when data has scattered them. Weights and gradients
    travel in compute precision.
    """
    model, train = config.model, config.train
    half = 2 if train.compute_dtype == "bfloat16" else 4
    chips = mesh["slice"] * mesh["data"] * mesh["fsdp"] * mesh["tensor"]
    ways, shards = chips // mesh["tensor"], mesh["fsdp"] * mesh["tensor"]
    tokens = train.batch_size * config.row_ids / ways
    entries = model_flops.parameters(model, load.vocab.size)
    passes = 2 + (AGAIN[model.remat] > 0)

    compute = train.batch_size * load.pairs * load.training_flops(model) / chips / chip.peak_flops
    layer_io = (2 * model.width * 6 + 2 * model.mlp) / mesh["tensor"] * half  # inputs and outputs of the four products
    activations = tokens * model.layers * (layer_io * (passes + 1) + 2 * KEPT[model.remat] * model.width * half / 2)
    weights = entries / mesh["tensor"] * half * passes * config.accumulate
    updates = entries / shards * 4 * (2 * (1 + OPTIMIZER_ARRAYS) + 2)
    hbm = (weights + updates + activations) / chip.hbm_bandwidth

    share = lambda n: (n - 1) / n  # noqa: E731
    whole = entries / mesh["tensor"]
    ici = share(mesh["fsdp"]) * whole * half * 3 * config.accumulate
    ici += 2 * share(mesh["data"]) * entries / shards * half
    ici += 2 * share(mesh["tensor"]) * 4 * model.layers * tokens * model.width * half
    dcn = 2 * share(mesh["slice"]) * entries / shards / mesh["data"] * half

    held = entries / shards * 4 * (1 + OPTIMIZER_ARRAYS)
    part = tokens / config.accumulate
    kept = part * model.layers * KEPT[model.remat] * model.width * half / 2 / mesh["tensor"] ** 0.5
    gradients = entries / shards * 4 * (2 if config.accumulate > 1 else 1) + 4 * whole / model.layers
    working = part * (model.mlp * 6 + model.width * 16) * half / mesh["tensor"] + 2 * 4 * load.vocab.size * 2048
    tables = load.vocab.size * model.width * (4 + half) * 2
    return Bounds(
        compute,
        hbm,
        ici / chip.ici_bandwidth,
        dcn / chip.dcn_bandwidth,
        held + kept + gradients + working + tables,
    )


def travel(collectives: Sequence[Collective], mesh: dict[str, int], chip: Chip) -> tuple[float, float]:
    """Seconds at least that a program's collectives keep a chip's links to its slice, and those to other slices, busy.

    Of n members around a ring with a result of b bytes, a chip sends b (n - 1) / n for an all-gather, twice that for an
    all-reduce, b (n - 1) for a reduce-scatter, and b for what only moves.
    """
    seconds = {False: 0.0, True: 0.0}
    for c in collectives:
        members = math.prod(mesh.get(axis, 1) for axis in c.axes.split("+"))
        near = {"all-gather": (members - 1) / members, "all-reduce": 2 * (members - 1) / members}
        sent = near.get(c.kind, members - 1 if c.kind.endswith("scatter") else 1)
        between = "slice" in c.axes.split("+")
        seconds[between] += c.bytes * sent / (chip.dcn_bandwidth if between else chip.ici_bandwidth)
    return seconds[False], seconds[True]
