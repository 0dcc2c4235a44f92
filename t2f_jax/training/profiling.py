"""A profiler's trace of chosen steps: the timeline of devices and host. TensorBoard and xprof show it."""

import contextlib
import pathlib

import jax

from t2f_jax.distributed import hosts
from t2f_jax.io.progress import say


class Trace:
    """A trace of `steps`, made by the first process of several.

    After each step the loop asks whether a change is `due`; only then, while no step is running, it calls `toggle`.
    """

    def __init__(self, steps: range, folder: pathlib.Path):
        """Sets what to trace.

        Args:
          folder: TensorBoard's; the trace is written to `folder/plugins/profile/TIME`.
        """
        self._steps = steps if hosts.first() else range(0)
        self._folder, self._on, self._last = folder, False, 0

    def due(self, step: int) -> bool:
        """Whether the trace begins or ends between `step` and the next one."""
        return self._on != (step + 1 in self._steps)

    def toggle(self, step: int) -> None:
        """Begins or ends the trace after `step`. If that fails, it prints why, and the run continues without trace."""
        try:
            if self._on:
                self._on = False
                jax.profiler.stop_trace()
                say(f"a trace up to step {step} is in {self._folder}: xprof --logdir shows it")
            else:
                jax.profiler.start_trace(self._folder)
                self._on = True
        except Exception as error:  # another trace is running, the disk is full, or the device has no profiler
            self._steps = range(0)
            say(f"no trace of the steps: {' '.join(str(error).split())[:200]}")

    def step(self, step: int) -> contextlib.AbstractContextManager:
        """Marks the host's work in the block as part of a step."""
        self._last = step
        return jax.profiler.StepTraceAnnotation("train", step_num=step) if self._on else contextlib.nullcontext()

    def close(self) -> None:
        """Ends a trace that is still running when the run ends."""
        if self._on:
            self.toggle(self._last)
