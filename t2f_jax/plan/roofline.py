"""Bounds of a training step's time and memory by formulas, before anything is compiled.

A time here is a lower bound: what must be computed at the peak, what must be read and written at the memory's
bandwidth, what must be sent at the links' bandwidth, each as if the other two cost nothing. Axis names as in
`partitioning`.
"""

import dataclasses
import math
from collections.abc import Sequence

from t2f_jax.config.schema import DecoderRunConfig
from t2f_jax.distributed.chips import Chip
from t2f_jax.plan import layout
from t2f_jax.plan.hlo import Collective
from t2f_jax.plan.layout import AGAIN, KEPT
from t2f_jax.plan.workload import Workload


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

    Compute: the model FLOPs alone. HBM: weights and gradients as `layout.traffic` counts them, what a layer keeps
    written and read, the residual stream and the products' inputs and outputs once a pass. Interconnect and network:
    `layout.traffic`, and tensor adds activations up four times a layer.
    """
    model, half = config.model, 2 if config.train.compute_dtype == "bfloat16" else 4
    chips = math.prod(mesh.values())
    tokens = config.train.batch_size * config.row_ids * mesh["tensor"] / chips
    passes = 2 + (AGAIN[model.remat] > 0)
    compute = config.train.batch_size * load.pairs * load.training_flops(model) / chips / chip.peak_flops
    layer_io = (2 * model.width * 6 + 2 * model.mlp) / mesh["tensor"] * half  # inputs and outputs of the four products
    activations = tokens * model.layers * (layer_io * (passes + 1) + 2 * KEPT[model.remat] * model.width * half / 2)
    sums = 2 * (mesh["tensor"] - 1) / mesh["tensor"] * 4 * model.layers * tokens * model.width * half
    moved = layout.traffic(config, load.vocab.size, mesh)
    return Bounds(
        compute,
        (moved.weights + moved.updates + activations) / chip.hbm_bandwidth,
        (moved.ici + sums) / chip.ici_bandwidth,
        moved.dcn / chip.dcn_bandwidth,
        layout.memory(config, load.vocab.size, mesh),
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
