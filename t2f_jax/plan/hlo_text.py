"""Parses the text of a compiled program (optimized HLO): computations, instructions, groups of devices."""

import dataclasses
import math
import re
from collections.abc import Sequence

import numpy as np

COLLECTIVES = ("all-reduce-scatter", "all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
_SIZES = {1: ("pred", "s8", "u8"), 2: ("s16", "u16", "bf16", "f16"), 4: ("s32", "u32", "f32"), 8: ("s64", "u64", "f64")}
ENTRY_BYTES = {name: size for size, names in _SIZES.items() for name in names}
_HEAD = re.compile(r"^(ENTRY )?%?([\w.\-]+) (?:\([^{]*\)|\(.*\)) -> .*\{$")
_LINE = re.compile(r"^\s*(?:ROOT )?%?([\w.\-]+) = (.*?) ([a-z][\w\-]*)\((.*)$")
_SHAPE = re.compile(r"\b(pred|[sufb]f?\d+)\[([\d,]*)\]")
_NAME = re.compile(r"%?([\w.\-]+)")


@dataclasses.dataclass(frozen=True)
class Instruction:
    """A line "name = result opcode(rest": `result` is its type, `rest` its operands and attributes."""

    name: str
    result: str
    opcode: str
    rest: str

    def computations(self, key: str) -> list[str]:
        """Names of the computations in attributes `key`=NAME."""
        return re.findall(rf"\b{key}=%?([\w.\-]+)", self.rest)

    def listed(self, key: str) -> list[list[str]]:
        """Names of the computations in attributes `key`={NAME, ...}; a list for each attribute."""
        return [_NAME.findall(names) for names in re.findall(rf"{key}=\{{([^}}]*)\}}", self.rest)]


Computations = dict[str, list[Instruction]]


def parse(text: str) -> tuple[Computations, str]:
    """Instructions of each computation, and the name of the entry computation ("" if there is none)."""
    computations: Computations = {}
    entry, current = "", None
    for line in text.splitlines():
        head = _HEAD.match(line)
        if head and " = " not in line.split(" -> ")[0]:
            current = computations.setdefault(head[2], [])
            entry = head[2] if head[1] else entry
        elif current is not None and (match := _LINE.match(line)):
            current.append(Instruction(*match.groups()))
    return computations, entry


def branches(conditional: Instruction) -> list[str]:
    """Names of the computations that a conditional chooses from."""
    if listed := conditional.listed("branch_computations"):
        return listed[0]
    return conditional.computations("true_computation") + conditional.computations("false_computation")


def trip_count(loop: Instruction, computations: Computations) -> float:
    """How often a loop runs: from its attribute, or the number that its condition compares the counter with."""
    noted = re.search(r'"known_trip_count":\{"n":"(\d+)"', loop.rest)
    if noted:
        return float(noted[1])
    limits = [
        float(number[1])
        for name in loop.computations("condition")
        for i in computations.get(name, ())
        if i.opcode == "constant" and (number := re.match(r"(\d+)\)", i.rest))
    ]
    return max(limits, default=1.0)


def collective(i: Instruction, mesh_shape: dict[str, int]) -> tuple[str, str] | None:
    """Kind and mesh axes of a collective; None for other instructions.

    Between slices the hosts send for their chips: there it is a `send` with its kind as an attribute.
    """
    if i.opcode == "send" and (between := re.search(r'_xla_megascale_transfer_type="(\w+)"', i.rest)):
        return between[1].lower().replace("_", "-"), "slice"
    kind = next((k for k in COLLECTIVES if i.opcode in (k, f"{k}-start")), None)
    return (kind, mesh_axes(i, mesh_shape)) if kind else None


def result_bytes(i: Instruction, kind: str) -> int:
    """Bytes of the result of a collective of this kind. A start instruction lists its operands first."""
    sizes = [
        ENTRY_BYTES.get(t, 4) * math.prod(int(d) for d in dims.split(",") if d) for t, dims in _SHAPE.findall(i.result)
    ]
    if i.opcode == "send":  # its result: what is sent, a context, a token
        return max(sizes, default=0)
    if i.opcode.endswith("-start") and kind in ("all-gather", "collective-permute", "reduce-scatter"):
        return max(sizes, default=0) if kind != "reduce-scatter" else min(sizes, default=0)
    return sum(sizes)


def mesh_axes(i: Instruction, mesh_shape: dict[str, int]) -> str:
    """Names, joined by "+", of the mesh axes along which the members of a collective's group differ.

    "none" for a group of one, "?" if the groups cannot be read.
    """
    group = _first_group(i.rest, math.prod(mesh_shape.values()))
    if group is None or len(group) < 2:
        return "?" if group is None else "none"
    places = np.unravel_index(np.array(group), tuple(mesh_shape.values()))
    return "+".join(name for name, x in zip(mesh_shape, places) if len(set(x.tolist())) > 1) or "none"


def _first_group(rest: str, device_count: int) -> Sequence[int] | None:
    """Numbers of the devices of a collective's first group; None if the text lacks them. HLO has four notations."""
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
    return range(device_count) if "replica_groups={}" in rest else None
