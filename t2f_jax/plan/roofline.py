"""Bounds of a training step's time and memory by formulas, before anything is compiled.

Each time is a lower bound: FLOPs over the chip's peak, bytes read and written over its memory bandwidth, or bytes sent
over its links' bandwidth, each as if the others took no time. Axis names as in `partitioning`.
"""

import dataclasses
import math
from collections.abc import Sequence

from t2f_jax.config.schema import DecoderRunConfig
from t2f_jax.distributed.chips import Chip
from t2f_jax.plan import layout
from t2f_jax.plan.hlo import Collective
from t2f_jax.plan.layout import RECOMPUTE_SHARE, SAVED_ACTIVATIONS
from t2f_jax.plan.workload import Workload


@dataclasses.dataclass(frozen=True)
class Bounds:
    """Bounds of one step on one device.

    Attributes:
      compute, hbm, ici, dcn: lower bounds in seconds, for computation, memory, links within the slice and links to
        other slices.
      memory: estimated bytes that it needs.
    """

    compute: float
    hbm: float
    ici: float
    dcn: float
    memory: float

    @property
    def seconds(self) -> float:
        """The largest of the four: no step can be faster."""
        return max(self.compute, self.hbm, self.ici, self.dcn)

    @property
    def bound(self) -> str:
        """The resource of the largest: compute, hbm, interconnect (of a slice) or network (between slices)."""
        times = {"compute": self.compute, "hbm": self.hbm, "interconnect": self.ici, "network": self.dcn}
        return max(times, key=lambda name: times[name])


def bounds(config: DecoderRunConfig, work: Workload, mesh: dict[str, int], chip: Chip) -> Bounds:
    """Bounds of a step of `config.train.batch_size` rows on a mesh of these axis sizes.

    Compute: only the model FLOPs. HBM: weights and gradients as in `layout.traffic`; what a layer saves for the
    backward pass, written and read once; in each pass the residual stream and the products' inputs and outputs.
    Interconnect and network: `layout.traffic`; tensor sums activations four times per layer.
    """
    model, entry = config.model, layout.entry_bytes(config)
    chips = math.prod(mesh.values())
    tokens = config.train.batch_size * config.row_ids * mesh["tensor"] / chips
    passes = 2 + (RECOMPUTE_SHARE[model.remat] > 0)
    compute = config.train.batch_size * work.pairs * work.training_flops(model) / chips / chip.peak_flops
    layer_io = (2 * model.width * 6 + 2 * model.mlp) / mesh["tensor"] * entry  # inputs and outputs of the four products
    saved = 2 * SAVED_ACTIVATIONS[model.remat] * model.width * entry / 2
    activations = tokens * model.layers * (layer_io * (passes + 1) + saved)
    sums = 2 * (mesh["tensor"] - 1) / mesh["tensor"] * 4 * model.layers * tokens * model.width * entry
    moved = layout.traffic(config, work.vocab.size, mesh)
    return Bounds(
        compute=compute,
        hbm=(moved.weights + moved.updates + activations) / chip.hbm_bandwidth,
        ici=(moved.ici + sums) / chip.ici_bandwidth,
        dcn=moved.dcn / chip.dcn_bandwidth,
        memory=layout.memory(config, work.vocab.size, mesh),
    )


def link_seconds(collectives: Sequence[Collective], mesh: dict[str, int], chip: Chip) -> tuple[float, float]:
    """Lower bounds of the seconds of a program's collectives on a device's links: (within its slice, to other slices).

    With n members around a ring and a result of b bytes a device sends b (n - 1) / n for an all-gather, twice that for
    an all-reduce, b (n - 1) for a reduce-scatter, and b for any other collective.
    """
    within = between = 0.0
    for c in collectives:
        members = math.prod(mesh.get(axis, 1) for axis in c.axes.split("+"))
        shares = {"all-gather": (members - 1) / members, "all-reduce": 2 * (members - 1) / members}
        sent = c.bytes * shares.get(c.kind, members - 1 if c.kind.endswith("scatter") else 1)
        if "slice" in c.axes.split("+"):
            between += sent / chip.dcn_bandwidth
        else:
            within += sent / chip.ici_bandwidth
    return within, between
