"""Another program's speed, measured alternately with ours: a peer answers a job's name with the seconds that it took.

A peer is any command that prints a line when it is ready and then, for each line on its standard input (`encode`,
`decode`), does that job once and prints its seconds. It runs in its own process, so that this package never imports
what it is compared with. `tests/helpers/peer_taming.py` is the peer for taming-transformers' VQGAN in torch.
"""

import contextlib
import shlex
import statistics
import subprocess
import time
from collections.abc import Callable
from typing import Self

import jax

from t2f_jax.errors import UserError


class Peer:
    """A peer's process, from its ready line until `close` or the end of a `with`; it is idle between jobs."""

    def __init__(self, command: str):
        """Starts it and waits until it is ready.

        Raises:
          UserError: the command cannot be started, or ends at once.
        """
        self.command = command
        try:
            self.process = subprocess.Popen(
                shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
        except (OSError, ValueError, IndexError) as error:
            raise UserError(f"--peer {command!r}: cannot be started ({error})") from None
        self._line()

    def _line(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise UserError(f"--peer {self.command!r}: ended with exit code {self.process.wait()}")
        return line.strip()

    def seconds(self, job: str) -> float:
        """Runs the job once; returns its seconds, as measured by the peer.

        Raises:
          UserError: the peer ended, or its answer is not a number.
        """
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):  # it has ended: reported below
            self.process.stdin.write(job + "\n")
        line = self._line()
        try:
            return float(line)
        except ValueError:
            raise UserError(f"--peer {self.command!r}: answered {job!r} with {line!r}, not with seconds") from None

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def alternate(ours: Callable[[], object], theirs: Callable[[], float] | None, pairs: int) -> list[tuple[float, float]]:
    """Seconds of (ours, theirs), alternately, `pairs` times, after one call of ours that compiles.

    Args:
      ours: called, and its result awaited.
      theirs: returns its own seconds; None: nan.
    """
    jax.block_until_ready(ours())
    times = []
    for _ in range(pairs):
        start = time.perf_counter()
        jax.block_until_ready(ours())
        times.append((time.perf_counter() - start, theirs() if theirs else float("nan")))
    return times


def median_ratio(times: list[tuple[float, float]]) -> float:
    """Median over the pairs of (their seconds / our seconds): how many times faster ours is."""
    return statistics.median(theirs / ours for ours, theirs in times)
