"""Where a run's wall-clock time goes, over all its starts together; the share in steps is called its goodput."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

# restart: from the last record of a process that ended to the first step of the next: steps done twice, time away,
# start and restoring. steps: what is left, the devices' own time. Writing in the background and reading ahead are free.
PARTS = ("steps", "compile", "input", "eval", "saving", "restart")


class Clock:
    """Shares out the time since the run was first started."""

    def __init__(self, began: float, before: Mapping[str, Any] | None = None):
        """Starts the account; what passed since `began` was compiling the first state, or else a restart.

        Args:
          began: when this process began with the run, seconds since the epoch.
          before: what `record` gave last in an earlier process of the run.
        """
        now = time.time()
        spent = before["goodput"] if before else {}
        self._seconds = {part: float(spent.get(part, 0.0)) for part in PARTS if part != "steps"}
        self._first = before["time"] - spent["wall"] if before else began
        self._seconds["restart" if before else "compile"] += now - (before["time"] if before else began)

    def add(self, part: str, seconds: float) -> None:
        """Counts seconds that were no step's."""
        self._seconds[part] += seconds

    @contextlib.contextmanager
    def spending(self, part: str) -> Iterator[None]:
        """Counts the block's time."""
        began = time.time()
        try:
            yield
        finally:
            self.add(part, time.time() - began)

    def record(self) -> dict[str, Any]:
        """{"time": now, since the epoch, "goodput": {"share": steps' share, "wall": seconds, and those of PARTS}}."""
        now = time.time()
        wall = max(now - self._first, 1e-9)
        steps = max(wall - sum(self._seconds.values()), 0.0)
        parts = {"steps": steps, **{part: self._seconds[part] for part in PARTS[1:]}}
        rounded = {name: round(seconds, 3) for name, seconds in {"wall": wall, **parts}.items()}
        return {"time": round(now, 3), "goodput": {"share": round(steps / wall, 4), **rounded}}

    def summary(self) -> str:
        """A line such as "12.3 s (steps 80%, compile 12%, input 8%)"; parts below half a percent are left out."""
        told = self.record()["goodput"]
        shares = {part: told[part] / max(told["wall"], 1e-3) for part in PARTS}
        text = ", ".join(f"{part} {share:.0%}" for part, share in shares.items() if part == "steps" or share >= 0.005)
        return f"{told['wall']:.1f} s ({text})"
