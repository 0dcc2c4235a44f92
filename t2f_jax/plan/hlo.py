"""What a compiled program's text tells: the compiler's cycles, kernels, and collectives by kind and mesh axis.

Loop bodies count as often as they run. Of a conditional the costlier branch counts a given share of the time: the loss
skips chunks without targets, and nothing else here branches. A collective that fusions spread over other work stands in
each of them (its start, steps and end, of one channel) and counts once.
"""

import collections
import dataclasses
import math
import re
from collections.abc import Callable, Sequence

import numpy as np

COLLECTIVES = ("all-reduce-scatter", "all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
_SIZES = {1: ("pred", "s8", "u8"), 2: ("s16", "u16", "bf16", "f16"), 4: ("s32", "u32", "f32"), 8: ("s64", "u64", "f64")}
UNKNOWN = 2.0**62  # cycles of what has no estimate, such as a SparseCore's work, are written as 2^63 - 1
BYTES = {name: size for size, names in _SIZES.items() for name in names}
_HEAD = re.compile(r"^(ENTRY )?%?([\w.\-]+) (?:\([^{]*\)|\(.*\)) -> .*\{$")
_LINE = re.compile(r"^\s*(?:ROOT )?%?([\w.\-]+) = (.*?) ([a-z][\w\-]*)\((.*)$")
_SHAPE = re.compile(r"\b(pred|[sufb]f?\d+)\[([\d,]*)\]")


@dataclasses.dataclass(frozen=True)
class Collective:
    """Collectives of one kind over one set of axes in a step; bytes are of one device's results."""

    kind: str
    axes: str
    count: float
    bytes: float
    largest: int


@dataclasses.dataclass
class Counted:
    """What a step's program does on one chip.

    Attributes:
      cycles: the compiler's estimate, without kernels and communication.
      kernels: (name, text of its line) -> how often it runs.
      collectives: one entry a kind and axes, the most bytes first.
    """

    cycles: float
    kernels: dict[tuple[str, str], float]
    collectives: list[Collective]

    @property
    def largest_all_gather(self) -> int:
        """Bytes of the largest array that an all-gather makes."""
        return max((c.largest for c in self.collectives if c.kind == "all-gather"), default=0)


@dataclasses.dataclass(frozen=True)
class _Instruction:
    name: str
    result: str
    opcode: str
    rest: str


def count(text: str, mesh_shape: dict[str, int], live: float = 1.0) -> Counted:
    """Reads optimized HLO.

    Args:
      mesh_shape: sizes of the mesh's axes in order; places of devices in groups are read by it.
      live: share of the time that a conditional takes its costlier branch.
    """
    computations, entry = _parse(text)
    memo: dict[str, float] = {}

    def cycles(name: str) -> float:
        if name not in memo:
            memo[name] = 0.0  # a computation does not call itself
            memo[name] = sum(own(i) for i in computations.get(name, ()))
        return memo[name]

    def own(i: _Instruction) -> float:
        noted = (float(n) for n in re.findall(r'"estimated_cycles":"(\d+)"', i.rest))
        total = sum(n for n in noted if n < UNKNOWN)
        return total + sum(times * cycles(name) for name, times in called(i))

    def called(i: _Instruction) -> list[tuple[str, float]]:
        return _called(i, computations, live, cycles)

    kernels: dict[tuple[str, str], float] = collections.defaultdict(float)
    found: dict[tuple[str, str], list[float]] = collections.defaultdict(lambda: [0.0, 0.0, 0])

    def visit(name: str, times: float) -> None:
        spread: set[tuple[str, str]] = set()  # collectives of this computation that fusions repeat step by step
        for i in computations.get(name, ()):
            if told := _collective(i):
                add(told, i, times)
            if 'custom_call_target="tpu_custom_call"' in i.rest:
                kernels[i.name, i.result] += times
            for name_, often in called(i):
                visit(name_, times * often)
            if i.opcode == "custom-call":  # as a TPU7x's SparseCores run collectives
                for listed in re.findall(r"called_computations=\{([^}]*)\}", i.rest):
                    for name_ in re.findall(r"%?([\w.\-]+)", listed):
                        visit(name_, times)
            if i.opcode == "fusion":
                for name_ in _names("calls", i.rest):
                    fused(name_, i, times, spread)

    def fused(name: str, caller: _Instruction, times: float, spread: set[tuple[str, str]]) -> None:
        for i in computations.get(name, ()):
            if told := _collective(i):
                channel = re.search(r"channel_id=(\d+)", i.rest)
                key = told[0], channel[1] if channel else i.name
                if key not in spread:
                    spread.add(key)
                    scatters = name.startswith("all-reduce-scatter")
                    add(("all-reduce-scatter", told[1]) if scatters else told, caller if scatters else i, times)
            if i.opcode == "fusion":
                for name_ in _names("calls", i.rest):
                    fused(name_, i, times, spread)

    def add(told: tuple[str, str], i: _Instruction, times: float) -> None:
        size = _bytes(i, told[0])
        sums = found[told]
        sums[0] += times
        sums[1] += times * size
        sums[2] = max(sums[2], size)

    def _collective(i: _Instruction) -> tuple[str, str] | None:
        """Kind and axes of a collective. Between slices hosts send for their chips: a `send`, the kind beside it."""
        if i.opcode == "send" and (between := re.search(r'_xla_megascale_transfer_type="(\w+)"', i.rest)):
            return between[1].lower().replace("_", "-"), "slice"
        kind = next((k for k in COLLECTIVES if i.opcode in (k, f"{k}-start")), None)
        return (kind, _axes(i.rest, mesh_shape)) if kind else None

    visit(entry, 1.0)
    collectives = [Collective(k, a, n, b, int(most)) for (k, a), (n, b, most) in found.items()]
    return Counted(cycles(entry), dict(kernels), sorted(collectives, key=lambda c: -c.bytes))


def _parse(text: str) -> tuple[dict[str, list[_Instruction]], str]:
    computations: dict[str, list[_Instruction]] = {}
    entry, current = "", None
    for line in text.splitlines():
        head = _HEAD.match(line)
        if head and " = " not in line.split(" -> ")[0]:
            current = computations.setdefault(head[2], [])
            entry = head[2] if head[1] else entry
        elif current is not None and (match := _LINE.match(line)):
            current.append(_Instruction(*match.groups()))
    return computations, entry


def _names(key: str, rest: str) -> list[str]:
    """Computations that an instruction lists as `key`."""
    return re.findall(rf"\b{key}=%?([\w.\-]+)", rest)


def _called(
    i: _Instruction, computations: dict[str, list[_Instruction]], live: float, cycles: Callable[[str], float]
) -> list[tuple[str, float]]:
    """Computations that an instruction runs, and how often."""
    if i.opcode == "while":
        return [(body, _trips(i, computations)) for body in _names("body", i.rest)]
    if i.opcode == "conditional":
        listed = re.search(r"branch_computations=\{([^}]*)\}", i.rest)
        two = _names("true_computation", i.rest) + _names("false_computation", i.rest)
        branches = re.findall(r"%?([\w.\-]+)", listed[1]) if listed else two
        dear = max(branches, key=cycles, default=None)
        return [(b, live if b == dear else 1 - live) for b in branches]
    if i.opcode in ("call", "async-start"):
        return [(name, 1.0) for name in _names("to_apply", i.rest) + _names("calls", i.rest)]
    return []


def _trips(i: _Instruction, computations: dict[str, list[_Instruction]]) -> float:
    """How often a loop runs: as noted beside it, or the number that its condition compares the counter with."""
    noted = re.search(r'"known_trip_count":\{"n":"(\d+)"', i.rest)
    if noted:
        return float(noted[1])
    limits = [
        float(number[1])
        for name in _names("condition", i.rest)
        for j in computations.get(name, ())
        if j.opcode == "constant" and (number := re.match(r"(\d+)\)", j.rest))
    ]
    return max(limits, default=1.0)


def _bytes(i: _Instruction, kind: str) -> int:
    """Bytes of what a collective makes; a started one lists its operands first."""
    sizes = [BYTES.get(t, 4) * math.prod(int(d) for d in dims.split(",") if d) for t, dims in _SHAPE.findall(i.result)]
    if i.opcode == "send":  # what is sent, a context, a token
        return max(sizes, default=0)
    if i.opcode.endswith("-start") and kind in ("all-gather", "collective-permute", "reduce-scatter"):
        return max(sizes, default=0) if kind != "reduce-scatter" else min(sizes, default=0)
    return sum(sizes)


def _axes(rest: str, mesh_shape: dict[str, int]) -> str:
    """Names of the mesh axes along which the members of a group differ."""
    group = _group(rest, math.prod(mesh_shape.values()))
    if group is None or len(group) < 2:
        return "?" if group is None else "none"
    places = np.unravel_index(np.array(group), tuple(mesh_shape.values()))
    return "+".join(name for name, x in zip(mesh_shape, places) if len(set(x.tolist())) > 1) or "none"


def _group(rest: str, total: int) -> Sequence[int] | None:
    """Devices of the first group of a collective; None if it is not told."""
    pairs = re.search(r"source_target_pairs=\{\{([\d,]+)\}", rest)
    if pairs:
        return [int(x) for x in pairs[1].split(",")]
    named = re.search(r"replica_groups=@?mesh\w*\[([^\]]*)\] ?\{([^}]*)\}", rest)
    if named:
        sizes = {name: int(size) for name, size in re.findall(r"'(\w+)'=(\d+)", named[1])}
        ids = np.arange(math.prod(sizes.values())).reshape(list(sizes.values()))
        inside = set(re.findall(r"'(\w+)'", named[2]))
        return ids[tuple(slice(None) if name in inside else 0 for name in sizes)].ravel().tolist()
    iota = re.search(r"replica_groups=\[([\d,]+)\]<=\[([\d,]+)\](?:T\(([\d,]+)\))?", rest)
    if iota:
        shape, dims = ([int(x) for x in iota[k].split(",")] for k in (1, 2))
        ids = np.arange(math.prod(dims)).reshape(dims)
        if iota[3]:
            ids = ids.transpose([int(x) for x in iota[3].split(",")])
        return ids.reshape(shape).reshape(shape[0], -1)[0].tolist()
    listed = re.search(r"replica_groups=\{\{([\d,]*)\}", rest)
    if listed and listed[1]:
        return [int(x) for x in listed[1].split(",")]
    return range(total) if "replica_groups={}" in rest else None
