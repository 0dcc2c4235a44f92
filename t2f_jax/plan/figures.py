"""What a plan finds out: every figure by the name that it has in `t2f plan --json`, with its unit.

A figure of the compiled program is None where its text cannot be read or the chip's clock is unknown.
"""

import dataclasses
from typing import Any

from t2f_jax.plan import hlo


@dataclasses.dataclass(frozen=True)
class Setup:
    """What is planned, on what."""

    config: str  # its name
    step: str  # "packed", "rows" (one example a row) or "plain" (see `plain_trainer`)
    topology: str  # of one slice, such as "v5e:4x4"
    slices: int
    mesh: str  # as `train.mesh` is written
    chip: str  # by JAX's name
    chips: int  # as they are paid for
    devices: int  # as JAX counts them; a chip may be two
    attention: str  # how attention is computed, see `models.attention.attention_kind`
    remat: str
    accumulate: int  # parts of a step's rows, computed one after the other
    parameters: int


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of a step; a sequence is an image with one target, and a packed row holds several."""

    rows_per_step: int
    sequences_per_step: int
    sequences_per_chip: float
    row_ids: int  # places of a row
    ids_per_sequence: float  # a mean, as the next one
    targets_per_sequence: float
    padding_fraction: float  # of a row's places
    workload: str  # where labels and words came from, for people


@dataclasses.dataclass(frozen=True)
class Memory:
    """Bytes of one chip."""

    hbm_bytes_per_chip: int  # that a program may use
    argument_bytes_per_chip: int  # state and batch
    temporary_bytes_per_chip: int
    output_bytes_per_chip: int  # that take no argument's memory
    code_bytes_per_chip: int
    peak_bytes_per_chip: int
    spare_fraction: float  # of hbm_bytes_per_chip


@dataclasses.dataclass(frozen=True)
class LowerBounds:
    """Model FLOPs, and seconds that a step takes at least, by formulas (see `roofline`)."""

    model_flops_per_step: float  # of all chips
    roofline_compute_seconds: float
    roofline_hbm_seconds: float
    roofline_interconnect_seconds: float
    roofline_network_seconds: float  # between slices
    roofline_seconds: float  # the largest of the four
    roofline_mfu: float  # at most: share of the chips' peak that model FLOPs take
    bound: str  # what the largest is of


@dataclasses.dataclass(frozen=True)
class Program:
    """What the compiled program's text says of a step."""

    compiler_seconds: float | None  # the compiler's cycles by the clock, and the kernels'; without communication
    compiler_mfu: float | None
    clock_hz: float | None
    clock_source: str | None  # where the clock is from, for people
    collective_interconnect_seconds: float | None  # at least
    collective_network_seconds: float | None
    kernel_flops_per_chip: float | None  # of attention kernels, all tiles that they compute
    kernel_seconds: float | None  # at half of the peak
    collectives: list[hlo.Collective] | None
    largest_all_gather_bytes: int | None  # to compare with the next two: larger ones gather too much at once
    layer_bytes: int  # of one layer's weights in float32
    embedding_bytes: int  # of the embedding in float32


@dataclasses.dataclass(frozen=True)
class Speed:
    """What follows for a run from the largest of all bounds and estimates."""

    hosts: int  # that feed the chips
    sequences_per_second: float
    input_bytes_per_second_per_host: float
    input_sequences_per_second_per_host: float
    step_seconds: float
    steps: int  # of the run
    hours: float
    chip_hours: float
    compile_seconds: float


@dataclasses.dataclass(frozen=True)
class Plan:
    """A training step that was compiled, in figures."""

    setup: Setup
    rows: Rows
    memory: Memory
    bounds: LowerBounds
    program: Program
    speed: Speed

    def to_json(self) -> dict[str, Any]:
        """All figures in one dict."""
        return {name: figure for part in dataclasses.asdict(self).values() for name, figure in part.items()}


@dataclasses.dataclass(frozen=True)
class SamplerPlan:
    """The sampler in figures: the program that makes images for several prompts at once."""

    sampler_faces: int  # made at once, by all devices
    sampler_peak_bytes_per_chip: int
    sampler_spare_fraction: float
    sampler_seconds_at_least: float  # reading the weights once for each code
    sampler_faces_per_second_at_most: float
    sampler_step_cycles: float | None  # the compiler's estimate for one round of the loop over codes
    sampler_compile_seconds: float

    def to_json(self) -> dict[str, Any]:
        """All figures in one dict."""
        return dataclasses.asdict(self)
