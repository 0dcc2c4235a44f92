"""The limits of the machine, matrix products and memory reads, and timing of calls."""

import dataclasses
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp

REPEATS = 5
MATMUL = 1536  # side of the matrices


def time_once(run: Callable[[], object]) -> float:
    """Seconds of a call, including all work that it started on a device."""
    start = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - start


def median_seconds(run: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median seconds of a call, after one call that compiles."""
    time_once(run)
    return statistics.median(time_once(run) for _ in range(repeats))


@dataclasses.dataclass
class Machine:
    """The last measured limits; 0 before the first measurement.

    Attributes:
      matmul: FLOP/s of float32 matrix products, the limit of computation.
      read: bytes per second read from memory, the limit of decoding one row.
    """

    matmul: float = 0.0
    read: float = 0.0

    def measure_matmul(self) -> float:
        """Measures `matmul`."""
        a = jnp.ones((MATMUL, MATMUL), jnp.float32)
        product = jax.jit(lambda x: x @ x)
        self.matmul = 2 * MATMUL**3 / median_seconds(lambda: product(a))
        return self.matmul

    def measure_read(self) -> float:
        """Measures `read`."""
        a = jnp.ones(64 * 1024 * 1024, jnp.float32)
        total = jax.jit(jnp.sum)  # of an argument, because the compiler would precompute the sum of a constant
        self.read = a.nbytes / median_seconds(lambda: total(a))
        return self.read

    def median_beside_reads(self, run: Callable[[], object], repeats: int) -> float:
        """Median seconds of a call, after one that compiles; sets `read` to the median of interleaved measurements.

        On a shared machine, the memory bandwidth changes within seconds.
        """
        run()
        seconds, reads = [], []
        for _ in range(repeats):
            reads.append(self.measure_read())
            seconds.append(time_once(run))
        self.read = statistics.median([*reads, self.measure_read()])
        return statistics.median(seconds)
