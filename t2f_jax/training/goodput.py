"""The use of a run's wall-clock time, over all its starts together. Its goodput is the share spent on steps."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

# restart: from the last record of an ended process to the first step of the next one, that is, repeated steps, the time
# between the processes, starting and restoring. steps: the rest, in which the devices compute. Background writes and
# reading ahead take no time.
PARTS = ("steps", "compile", "input", "eval", "saving", "restart")


class Record(TypedDict):
    """The time account in a save's line in `metrics.jsonl`."""

    time: float  # now, seconds since the epoch
    goodput: dict[str, float]  # "share" spent on steps, "wall" seconds of the run, and seconds of each of `PARTS`


class Clock:
    """Counts the time since the run was first started, by part."""

    def __init__(self, began: float, before: Mapping[str, Any] | None = None):
        """Starts the account. The time since `began` counts as compiling, or as a restart if the run is resumed.

        Args:
          began: when this process started the run, seconds since the epoch.
          before: the last result of `record` in an earlier process of the run.
        """
        now = time.time()
        spent = before["goodput"] if before else {}
        self._seconds = {part: float(spent.get(part, 0.0)) for part in PARTS if part != "steps"}
        since = min(before["time"], now) if before else began  # the clock may have been set back since
        self._first = since - spent["wall"] if before else began
        self._seconds["restart" if before else "compile"] += now - since

    def add(self, part: str, seconds: float) -> None:
        """Adds seconds to a part other than steps."""
        self._seconds[part] += seconds

    @contextlib.contextmanager
    def spending(self, part: str) -> Iterator[None]:
        """Adds the time of the block to a part."""
        began = time.time()
        try:
            yield
        finally:
            self.add(part, time.time() - began)

    def record(self) -> Record:
        """The account up to now."""
        now = time.time()
        wall = max(now - self._first, 1e-9)
        steps = max(wall - sum(self._seconds.values()), 0.0)
        parts = {"steps": steps, **{part: self._seconds[part] for part in PARTS[1:]}}
        rounded = {name: round(seconds, 3) for name, seconds in {"wall": wall, **parts}.items()}
        return {"time": round(now, 3), "goodput": {"share": round(steps / wall, 4), **rounded}}

    def summary(self) -> str:
        """A line such as "12.3 s (steps 80%, compile 12%, input 8%)"; parts below half a percent are left out."""
        seconds = self.record()["goodput"]
        shares = {part: seconds[part] / max(seconds["wall"], 1e-3) for part in PARTS}
        text = ", ".join(f"{part} {share:.0%}" for part, share in shares.items() if part == "steps" or share >= 0.005)
        return f"{seconds['wall']:.1f} s ({text})"
