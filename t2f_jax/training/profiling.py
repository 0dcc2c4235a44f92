"""A profiler's trace of chosen steps: what the devices and the host did when. TensorBoard and xprof show it."""

import contextlib
import pathlib
from collections.abc import Callable

from t2f_jax.distributed import hosts


class Trace:
    """A trace of `steps`, as far as this process of the run takes them, by the first process of several.

    The loop asks after each step whether the trace is to `turn`, and only then, with no step under way, does so.
    """

    def __init__(self, steps: range, folder: pathlib.Path, say: Callable[[str], None]):
        """What to trace.

        Args:
          folder: TensorBoard's; the trace lies in `folder/plugins/profile/TIME`.
        """
        self._steps = steps if hosts.first() else range(0)
        self._folder, self._say, self._on, self._last = folder, say, False, 0

    def due(self, step: int) -> bool:
        """Whether the trace begins or ends between `step` and the next one."""
        return self._on != (step + 1 in self._steps)

    def turn(self, step: int) -> None:
        """Begins or ends the trace after `step`. What goes wrong with it is told, and the run goes on without."""
        import jax

        try:
            if self._on:
                self._on = False
                jax.profiler.stop_trace()
                self._say(f"a trace up to step {step} is in {self._folder}: xprof --logdir shows it")
            else:
                jax.profiler.start_trace(self._folder)
                self._on = True
        except Exception as error:  # another trace under way, no room for it, a profiler that the device lacks
            self._steps = range(0)
            self._say(f"no trace of the steps: {' '.join(str(error).split())[:200]}")

    def step(self, step: int) -> contextlib.AbstractContextManager:
        """Marks what the host does in the block as that of a step."""
        import jax

        self._last = step
        return jax.profiler.StepTraceAnnotation("train", step_num=step) if self._on else contextlib.nullcontext()

    def close(self) -> None:
        """Ends what an ending run leaves open."""
        if self._on:
            self.turn(self._last)
