"""The training loop of all trainers: the order of a run's events. The trainer defines what a step computes.

After a step: record its numbers, evaluate, save, and only then fetch the next batch. A run that is killed at any time
resumes from its newest checkpoint with bit-for-bit the same results as without the interruption: batch and random key
are functions of the step.
"""

import contextlib
import dataclasses
import itertools
import math
import pathlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax

from t2f_jax.config.schema import TrainConfig
from t2f_jax.distributed import faults, hosts, partitioning
from t2f_jax.errors import UserError
from t2f_jax.io import metrics
from t2f_jax.io.progress import Progress, say
from t2f_jax.io.run_folder import RunFolder
from t2f_jax.training import checkpoint, goodput, profiling, throughput
from t2f_jax.training.checkpoint import Checkpoints
from t2f_jax.training.program import Batch, Program, Trainer
from t2f_jax.training.state import State


@dataclasses.dataclass(frozen=True)
class Run:
    """One training run: the trainer, its data and its folder.

    Attributes:
      trainer: defines what a step computes.
      config: number and size of the steps, and what happens between them.
      folder: where checkpoints, numbers and TensorBoard's files are written.
      batches: first step (0 at the start) -> the batches from there on. One process of several makes only the rows in
        `partitioning.local_rows`, of these and of the held-out batches, which must then be full.
      held_out: the held-out batches, the same each time; `config.eval_batches` of them are used (0: all).
      label: name of the run in its messages.
      identity: everything that affects the results, JSON-able: a run with checkpoints must keep it.
    """

    trainer: Trainer
    config: TrainConfig
    folder: pathlib.Path
    batches: Callable[[int], Iterator[Batch]]
    held_out: Callable[[], Iterable[Batch]]
    label: str
    identity: dict[str, Any]


def train(run: Run) -> State:
    """Trains to step `run.config.steps` in the run's folder, starting where an earlier process of the run stopped.

    Returns:
      The state after the last step; immediately if the run was finished before.

    Raises:
      UserError: checkpoints of another config or none that can be read, a mesh or batch that does not fit the devices,
        data that ends too early, a loss that is not finite, a full disk.
      SystemExit: 143 after SIGTERM, 130 after Ctrl-C, once a checkpoint is written.
    """
    began, config = time.time(), run.config
    traced = config.profiled  # before anything is written, since it may be invalid
    run.folder.mkdir(parents=True, exist_ok=True)
    checkpoint.check_config(run.folder, run.identity)
    program = Program(run.trainer, config, partitioning.sharing_mesh(config.batch_size, config.mesh))
    with (
        jax.set_mesh(program.mesh),
        faults.Watchdog(run.label, config.hang_after) as watchdog,
        Checkpoints(checkpoint.folder_of(run.folder), config.keep_last, config.keep_best) as checkpoints,
    ):
        state = checkpoints.restore_newest(program.abstract)
        start = 0 if state is None else int(state.step)
        if state is not None:
            finished = start >= config.steps
            if hosts.first():
                say(f"{run.label}: {'already finished at' if finished else 'resuming after'} step {start}")
            if finished:
                return state
        else:
            state = program.init()
        with (
            Progress(run.label, config.steps, start, "step", quiet=not hosts.first()) as progress,
            faults.Termination() as stop,
        ):
            watchdog.beat("the first step")
            session = _Session(run, program, checkpoints, watchdog, progress, start, began, traced)
            with checkpoint.room(run.folder, run.label), contextlib.closing(session):
                state = session.train(state, stop)
                watchdog.beat("writing the last checkpoint")
                checkpoints.wait()
                session.finish(int(state.step))
            if stop.requested:
                session.say(f"stopped after step {int(state.step)}, which is saved; run it again to resume")
                raise SystemExit(stop.code)
    return state


class _Session:
    """A run in this process: its records and timers, and what happens after a step."""

    def __init__(
        self,
        run: Run,
        program: Program,
        checkpoints: Checkpoints,
        watchdog: faults.Watchdog,
        progress: Progress,
        start: int,
        began: float,
        traced: range,
    ):
        """Opens the records.

        Args:
          start: number of updates by earlier processes of the run.
          began: when this process started the run, seconds since the epoch.
          traced: steps for the profiler.
        """
        self.run, self.program, self.checkpoints = run, program, checkpoints
        self.watchdog, self.progress, self.start = watchdog, progress, start
        self.writer, before = None, None
        if hosts.first():
            RunFolder(run.folder).fetch(metrics.NUMBERS)
            self.writer = metrics.Writer(run.folder, start)
            before = metrics.last_goodput(run.folder) if start else None
        self.clock = goodput.Clock(began, before)
        self.trace = profiling.Trace(traced, run.folder / metrics.TENSORBOARD)
        self.best = min(checkpoints.eval_losses().values(), default=math.inf)
        self.compile_seconds: float | None = None
        self.began = self.mark = time.monotonic()  # mark: end of the last recorded step, evaluation or save

    def train(self, state: State, stop: faults.Termination) -> State:
        """Runs the steps after `start`, and what is due after each. Bit-exact resuming depends on this order."""
        config = self.run.config
        batches = iter(self.run.batches(self.start))
        batch = self.fetch(batches, self.start)
        if self.trace.due(self.start):
            self.toggle_trace(self.start)
        pending: tuple[int, dict[str, jax.Array]] | None = None  # the step whose numbers are still being computed
        for step in range(self.start + 1, config.steps + 1):
            with self.trace.step(step):
                state, numbers = self.dispatch(state, batch)
            if pending:
                self.record(*pending)  # waits for the step before this one; the device is busy meanwhile
            pending = step, numbers
            last = stop.after(step) or step == config.steps
            eval_due = step == config.steps or _is_due(step, config.eval_every)
            save_due = last or _is_due(step, config.save_every)
            trace_due = self.trace.due(step)
            if eval_due or save_due or trace_due:
                self.record(*pending)  # first: otherwise a kill would lose the line of the checkpoint's step
                pending = None
                if trace_due:
                    self.toggle_trace(step)
                loss = self.evaluate(state, step) if eval_due else None
                better = loss is not None and loss < self.best and config.keep_best > 0
                if save_due or better:  # the best can be kept only if it is saved
                    self.save(state, step, loss)
                self.mark = time.monotonic()
            if last:
                break
            batch = self.fetch(batches, step)
        return state

    def fetch(self, batches: Iterator[Batch], step: int) -> dict[str, jax.Array]:
        """The batch of the step after `step`, sent to the devices while they compute."""
        with self.clock.spending("input"):
            batch = next(batches, None)
            if batch is None:
                label, steps = self.run.label, self.run.config.steps
                raise UserError(f"{label}: the training data ended after step {step} of {steps}")
            return self.program.put(batch)

    def dispatch(self, state: State, batch: dict[str, jax.Array]) -> tuple[State, dict[str, jax.Array]]:
        """Starts a step; the first call compiles it."""
        if self.compile_seconds is not None:
            return self.program.step(state, batch)
        began = time.monotonic()
        result = self.program.step(state, batch)
        self.compile_seconds = self.mark = time.monotonic()
        self.compile_seconds -= began
        self.clock.add("compile", self.compile_seconds)
        return result

    def record(self, step: int, numbers: dict[str, jax.Array]) -> None:
        """Writes a step's numbers once they are computed; ends the run if the loss is not finite."""
        values = {name: float(x) for name, x in jax.device_get(numbers).items()}
        now = time.monotonic()
        values["seconds"], self.mark = now - self.mark, now
        values |= throughput.rates(values, self.program.mesh)
        if step == self.start + 1 and self.compile_seconds is not None:
            values["compile_seconds"] = self.compile_seconds
            if "mfu" in values:
                self.say(throughput.devices_line(self.program.mesh))
        if not math.isfinite(values["loss"]):
            self.fail(f"the loss is {values['loss']}", step)
        if self.writer:
            self.writer.train(step, values)
        self.watchdog.beat(f"step {step + 1}")
        self.progress.update(step, throughput.note(values))

    def evaluate(self, state: State, step: int) -> float:
        """Records the means over the held-out batches. Returns the loss."""
        with self.clock.spending("eval"):
            means = self.held_out_means(state, step)
            if not math.isfinite(means["loss"]):
                self.fail(f"the evaluation loss is {means['loss']}", step)
            if self.writer:
                self.writer.evaluation(step, means)
            self.say(f"step {step}, evaluation loss {means['loss']:.5g}")
            return means["loss"]

    def held_out_means(self, state: State, step: int) -> dict[str, float]:
        """Means over the held-out batches, each row counting the same."""
        sums: dict[str, float] = {}
        rows: dict[str, float] = {}
        for batch in itertools.islice(self.run.held_out(), self.run.config.eval_batches or None):
            values, weight = jax.device_get(self.program.evaluate(state, self.program.put(batch)))
            self.watchdog.beat(f"the evaluation after step {step}")
            for name, x in values.items():
                if name == "loss" or math.isfinite(x):  # NaN: a part of the loss that this batch lacks
                    sums[name] = sums.get(name, 0.0) + float(weight) * float(x)
                    rows[name] = rows.get(name, 0.0) + float(weight)
        if not rows:
            raise UserError(f"{self.run.label}: the held-out data is empty, so that nothing can be evaluated")
        return {name: total / rows[name] for name, total in sums.items()}

    def save(self, state: State, step: int, eval_loss: float | None) -> None:
        """Writes a checkpoint, of finite weights only."""
        self.watchdog.beat(f"saving step {step}")
        with self.clock.spending("saving"):
            if not self.program.finite(state):
                self.fail("the weights are not finite", step)
            self.checkpoints.save(state, step, eval_loss)
        self.best = min(self.best, math.inf if eval_loss is None else eval_loss)
        self.watchdog.beat(f"step {step + 1}")
        faults.report_progress(self.run.label, step)
        if self.writer:
            self.writer.goodput(step, self.clock.record())
            self.writer.publish()

    def fail(self, what: str, step: int) -> None:
        """Ends the run with a UserError that says what the user can do."""
        self.checkpoints.wait()  # the last one may still be in writing; every process gets here
        good = self.checkpoints.steps
        back = f"the last good checkpoint is of step {good[-1]}" if good else "there is no checkpoint yet"
        raise UserError(
            f"{self.run.label}: {what} at step {step}; {back}; a lower optim.learning_rate or more"
            " optim.warmup_steps may help"
        )

    def finish(self, step: int) -> None:
        """Prints the use of time in this process and in earlier ones."""
        steps, seconds = step - self.start, time.monotonic() - self.began
        earlier = f" (of {step}, the others before a restart)" if self.start else ""
        self.say(f"{steps} steps in {seconds:.1f} s{earlier}; goodput of the whole run: {self.clock.summary()}")

    def toggle_trace(self, step: int) -> None:
        """Begins or ends the profiler's trace; no step is under way."""
        with self.clock.spending("saving"):
            self.trace.toggle(step)
        self.watchdog.beat(f"step {step + 1}")
        self.mark = time.monotonic()

    def say(self, message: str) -> None:
        """Prints a line about the run, in the first process only."""
        self.progress.say(f"{self.run.label}: {message}")

    def close(self) -> None:
        """Closes the records."""
        self.trace.close()
        if self.writer:
            self.writer.close()


def _is_due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
