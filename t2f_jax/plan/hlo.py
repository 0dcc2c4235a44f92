"""Statistics from the text of a compiled program: cycles, kernels, collectives by kind and mesh axis.

Loop bodies count as often as they run. The branch of a conditional with more cycles counts for a given share of the
time: the loss skips chunks without targets, and nothing else here branches. A collective that fusions overlap with
other work appears in each of them (its start, steps and end, with one channel) and counts once.
"""

import collections
import dataclasses
import re

from t2f_jax.plan import hlo_text
from t2f_jax.plan.hlo_text import Computations, Instruction

UNKNOWN = 2.0**62  # work without an estimate, such as a SparseCore's, has 2^63 - 1 cycles in the text


@dataclasses.dataclass(frozen=True)
class Collective:
    """All collectives of one kind over one set of mesh axes in a step.

    Attributes:
      axes: see `hlo_text.mesh_axes`.
      count: how often one runs.
      bytes: of all results on one device together.
      largest: bytes of the largest one's result on one device.
    """

    kind: str
    axes: str
    count: float
    bytes: float
    largest: int


@dataclasses.dataclass
class Counts:
    """Statistics of a step's program on one device.

    Attributes:
      cycles: the compiler's estimate, without kernels and communication.
      kernels: (name, type of its result) -> how often it runs.
      collectives: one entry for each kind and axes, sorted by bytes, largest first.
    """

    cycles: float
    kernels: dict[tuple[str, str], float]
    collectives: list[Collective]

    @property
    def largest_all_gather(self) -> int:
        """Bytes of the largest result of an all-gather."""
        return max((c.largest for c in self.collectives if c.kind == "all-gather"), default=0)


def count(text: str, mesh_shape: dict[str, int], live_share: float = 1.0) -> Counts:
    """Reads optimized HLO.

    Args:
      mesh_shape: sizes of the mesh's axes in order, by which groups of devices are interpreted.
      live_share: how often a conditional takes the branch with more cycles, as a share.
    """
    computations, entry = hlo_text.parse(text)
    counter = _Counter(computations, mesh_shape, live_share)
    counter.visit(entry, 1.0)
    found = [Collective(*key, s.count, s.bytes, s.largest) for key, s in counter.collectives.items()]
    by_bytes = sorted(found, key=lambda c: -c.bytes)
    return Counts(counter.cycles(entry), dict(counter.kernels), by_bytes)


@dataclasses.dataclass
class _Sum:
    count: float = 0.0
    bytes: float = 0.0
    largest: int = 0


class _Counter:
    """Walks through the computations of a program and sums their statistics."""

    def __init__(self, computations: Computations, mesh_shape: dict[str, int], live_share: float):
        self.computations, self.mesh_shape, self.live_share = computations, mesh_shape, live_share
        self.kernels: dict[tuple[str, str], float] = collections.defaultdict(float)
        self.collectives: dict[tuple[str, str], _Sum] = collections.defaultdict(_Sum)
        self._cycles: dict[str, float] = {}

    def visit(self, name: str, times: float) -> None:
        """Adds the kernels and collectives of a computation that runs `times` times."""
        spread: set[tuple[str, str]] = set()  # collectives of this computation whose steps are spread over fusions
        for i in self.computations.get(name, ()):
            if key := hlo_text.collective(i, self.mesh_shape):
                self._add(key, i, times)
            if 'custom_call_target="tpu_custom_call"' in i.rest:
                self.kernels[i.name, i.result] += times
            for called, often in self._called(i):
                self.visit(called, times * often)
            if i.opcode == "custom-call":  # collectives that run on a TPU7x's SparseCores
                for listed in i.listed("called_computations"):
                    for called in listed:
                        self.visit(called, times)
            if i.opcode == "fusion":
                for called in i.computations("calls"):
                    self._visit_fusion(called, i, times, spread)

    def cycles(self, name: str) -> float:
        """The compiler's estimate for one run of a computation."""
        if name not in self._cycles:
            self._cycles[name] = 0.0  # guards against recursion
            self._cycles[name] = sum(self._own_cycles(i) for i in self.computations.get(name, ()))
        return self._cycles[name]

    def _own_cycles(self, i: Instruction) -> float:
        noted = (float(n) for n in re.findall(r'"estimated_cycles":"(\d+)"', i.rest))
        total = sum(n for n in noted if n < UNKNOWN)
        return total + sum(times * self.cycles(name) for name, times in self._called(i))

    def _called(self, i: Instruction) -> list[tuple[str, float]]:
        """The computations that an instruction runs, and how often."""
        if i.opcode == "while":
            return [(body, hlo_text.trip_count(i, self.computations)) for body in i.computations("body")]
        if i.opcode == "conditional":
            names = hlo_text.branches(i)
            costliest = max(names, key=self.cycles, default=None)
            return [(name, self.live_share if name == costliest else 1 - self.live_share) for name in names]
        if i.opcode in ("call", "async-start"):
            return [(name, 1.0) for name in i.computations("to_apply") + i.computations("calls")]
        return []

    def _visit_fusion(self, name: str, caller: Instruction, times: float, spread: set[tuple[str, str]]) -> None:
        """Adds the collectives inside a fusion that are not in `spread` yet."""
        for i in self.computations.get(name, ()):
            if key := hlo_text.collective(i, self.mesh_shape):
                kind, axes = key
                channel = re.search(r"channel_id=(\d+)", i.rest)
                once = kind, channel[1] if channel else i.name
                if once not in spread:
                    spread.add(once)
                    scatters = name.startswith("all-reduce-scatter")
                    self._add(("all-reduce-scatter", axes) if scatters else key, caller if scatters else i, times)
            if i.opcode == "fusion":
                for called in i.computations("calls"):
                    self._visit_fusion(called, i, times, spread)

    def _add(self, key: tuple[str, str], i: Instruction, times: float) -> None:
        size, total = hlo_text.result_bytes(i, key[0]), self.collectives[key]
        total.count += times
        total.bytes += times * size
        total.largest = max(total.largest, size)
