"""The figures of a plan, by their names in `t2f plan --json`, with units.

A figure of the compiled program is None if its text cannot be read or the chip's clock is unknown.
"""

import dataclasses
from typing import Any

from t2f_jax.plan import hlo


@dataclasses.dataclass(frozen=True)
class Setup:
    """What is planned, and on which devices."""

    config: str  # its name
    step: str  # "packed", "rows" (one example per row) or "plain" (see `plain_trainer`)
    topology: str  # of one slice, such as "v5e:4x4"
    slices: int
    mesh: str  # in the syntax of `train.mesh`
    chip: str  # by JAX's name
    chips: int  # as they are billed
    devices: int  # as JAX counts them; a chip may be two devices
    attention: str  # how attention is computed, see `models.attention.attention_kind`
    remat: str
    accumulate: int  # sequential parts of a step's rows
    parameters: int


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of a step; a sequence is an image with one target, and a packed row holds several."""

    rows_per_step: int
    sequences_per_step: int
    sequences_per_chip: float
    row_ids: int  # positions of a row
    ids_per_sequence: float  # a mean, like the next one
    targets_per_sequence: float
    padding_fraction: float  # of a row's positions
    workload: str  # the source of labels and words, for display


@dataclasses.dataclass(frozen=True)
class Memory:
    """Bytes of one chip."""

    hbm_bytes_per_chip: int  # available to a program
    argument_bytes_per_chip: int  # state and batch
    temporary_bytes_per_chip: int
    output_bytes_per_chip: int  # of outputs that do not reuse an argument's memory
    code_bytes_per_chip: int
    peak_bytes_per_chip: int
    spare_fraction: float  # of hbm_bytes_per_chip


@dataclasses.dataclass(frozen=True)
class LowerBounds:
    """Model FLOPs, and lower bounds of a step's seconds, by formulas (see `roofline`)."""

    model_flops_per_step: float  # of all chips
    roofline_compute_seconds: float
    roofline_hbm_seconds: float
    roofline_interconnect_seconds: float
    roofline_network_seconds: float  # between slices
    roofline_seconds: float  # the largest of the four
    roofline_mfu: float  # upper bound of the share of the chips' peak that model FLOPs use
    bound: str  # the resource of the largest bound


@dataclasses.dataclass(frozen=True)
class Program:
    """Figures of a step from the compiled program's text."""

    compiler_seconds: float | None  # the compiler's cycles by the clock, plus the kernels; without communication
    compiler_mfu: float | None
    clock_hz: float | None
    clock_source: str | None  # the source of the clock, for display
    collective_interconnect_seconds: float | None  # at least
    collective_network_seconds: float | None
    kernel_flops_per_chip: float | None  # of attention kernels, over all tiles that they compute
    kernel_seconds: float | None  # at half the peak
    collectives: list[hlo.Collective] | None
    largest_all_gather_bytes: int | None  # to compare with the next two: if larger, too much is gathered at once
    layer_bytes: int  # of one layer's weights in float32
    embedding_bytes: int  # of the embedding in float32


@dataclasses.dataclass(frozen=True)
class Speed:
    """Figures of a run, from the largest of all bounds and estimates."""

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
    """The figures of a compiled training step."""

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
    """The figures of the sampler: the program that generates images for several prompts at once."""

    sampler_faces: int  # generated at once, on all devices
    sampler_peak_bytes_per_chip: int
    sampler_spare_fraction: float
    sampler_seconds_at_least: float  # from reading the weights once per code
    sampler_faces_per_second_at_most: float
    sampler_step_cycles: float | None  # the compiler's estimate for one round of the loop over codes
    sampler_compile_seconds: float

    def to_json(self) -> dict[str, Any]:
        """All figures in one dict."""
        return dataclasses.asdict(self)
