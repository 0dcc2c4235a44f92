"""Specifications of chips by JAX's name: the manufacturers' published figures. A chip not listed is unknown.

TPUs: https://cloud.google.com/tpu/docs/v5e and its pages v4, v5p, v6e and tpu7x (peak bf16, HBM, interconnect one
way, data-centre network of a chip). HBM is what the runtime leaves to programs where that is known, and for TPUs what
libtpu compiles for. GPUs: the manufacturers' data sheets, dense bf16.
"""

import dataclasses

GIB = 2**30


@dataclasses.dataclass(frozen=True)
class Chip:
    """One device, as JAX counts devices.

    Attributes:
      name: as JAX gives it.
      peak_flops: bf16 FLOP/s of matrix products.
      hbm_bytes: memory that a program may use.
      hbm_bandwidth: bytes/s.
      ici_bandwidth: bytes/s to other chips of the slice, all links together.
      dcn_bandwidth: bytes/s over the data-centre network to other slices; a guess if nothing is published.
      clock: cycles/s of the compiler's estimates. 0: not known.
      clock_source: the source of the clock, for display.
      per_host: devices that one host feeds.
      per_chip: devices of one chip, as chips are counted and paid for: 2 if JAX lists each half separately.
    """

    name: str
    peak_flops: float
    hbm_bytes: float
    hbm_bandwidth: float
    ici_bandwidth: float
    dcn_bandwidth: float = 3.1e9
    clock: float = 0.0
    clock_source: str = ""
    per_host: int = 4
    per_chip: int = 1


# No clock is published. Each is the peak divided by the FLOPs of all matrix units per cycle. libtpu's own estimate of a
# product of 4096 x 4096 matrices reaches 88% (v4), 97% (v5 lite), 96% (v5), 87% (v6 lite) and 81% (TPU7x) of these
# FLOPs per cycle, so it counts cycles in the same way.
CYCLE = "assumed: the peak over {:,} FLOPs a cycle"

CHIPS = {
    chip.name: chip
    for chip in (
        Chip("TPU v4", 275e12, 30.75 * GIB, 1228e9, 300e9, clock=1.05e9, clock_source=CYCLE.format(2**18)),
        Chip("TPU v5 lite", 197e12, 15.75 * GIB, 819e9, 200e9, clock=1.5e9, clock_source=CYCLE.format(2**17)),
        Chip("TPU v5", 459e12, 95.74 * GIB, 2765e9, 600e9, 6.25e9, 1.75e9, CYCLE.format(2**18)),
        Chip("TPU v6 lite", 918e12, 31.25 * GIB, 1640e9, 448e9, 12.5e9, 1.75e9, CYCLE.format(2**19)),
        # Half a chip of 2,307 TFLOP/s, 192 GiB, 7,380 GB/s, 600 GB/s one way and 100 Gbit/s.
        Chip(
            "TPU7x",
            1153.5e12,
            94.74 * GIB,
            3690e9,
            300e9,
            6.25e9,
            2.2e9,
            CYCLE.format(2**19),
            per_host=8,
            per_chip=2,
        ),
        Chip("NVIDIA A100-SXM4-40GB", 312e12, 39.5 * GIB, 1555e9, 600e9, per_host=8),
        Chip("NVIDIA A100-SXM4-80GB", 312e12, 79.2 * GIB, 2039e9, 600e9, per_host=8),
        Chip("NVIDIA H100 80GB HBM3", 989e12, 79.2 * GIB, 3350e9, 900e9, per_host=8),
        Chip("NVIDIA H200", 989e12, 139 * GIB, 4800e9, 900e9, per_host=8),
    )
}


def find(device_kind: str) -> Chip | None:
    """The chip of a `jax.Device.device_kind`; None if it is unknown, such as a CPU."""
    return CHIPS.get(device_kind)
