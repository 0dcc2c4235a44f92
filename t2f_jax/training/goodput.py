"""Where a run's wall-clock time goes, over all its starts together. Its goodput is the share that went into steps."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

# restart: from the last record of a process that ended to the first step of the next one; that is steps done twice, the
# time between, starting and restoring. steps: the rest, in which the devices compute. Writing in the background and
# reading ahead take none.
PARTS = ("steps", "compile", "input", "eval", "saving", "restart")


class Record(TypedDict):
    """What a save's line in `metrics.jsonl` says of the time."""

    time: float  # now, seconds since the epoch
    goodput: dict[str, float]  # "share" that went into steps, "wall" seconds of the run, and seconds of each of `PARTS`


class Clock:
    """Accounts for the time since the run was first started."""

    def __init__(self, began: float, before: Mapping[str, Any] | None = None):
        """Starts the account. The time since `began` counts as compiling, or as a restart if the run goes on.

        Args:
          began: when this process began with the run, seconds since the epoch.
          before: what `record` gave last in an earlier process of the run.
        """
        now = time.time()
        spent = before["goodput"] if before else {}
        self._seconds = {part: float(spent.get(part, 0.0)) for part in PARTS if part != "steps"}
        since = min(before["time"], now) if before else began  # the clock may have been set back since
        self._first = since - spent["wall"] if before else began
        self._seconds["restart" if before else "compile"] += now - since

    def add(self, part: str, seconds: float) -> None:
        """Counts seconds of another part than steps."""
        self._seconds[part] += seconds

    @contextlib.contextmanager
    def spending(self, part: str) -> Iterator[None]:
        """Counts the time of the block."""
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
