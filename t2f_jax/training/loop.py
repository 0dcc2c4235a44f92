"""The one training loop: orders a run's events in time. What a step computes is the trainer's.

After a step: record its numbers, evaluate, save, and only then fetch the next batch. A run that is killed anywhere goes
on from its newest checkpoint and gives the numbers, bit for bit, that it would have given: a batch is a function of the
step, and so is the random key.
"""

import contextlib
import itertools
import math
import pathlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax

from t2f_jax.config.schema import TrainConfig
from t2f_jax.config.typed import to_dict
from t2f_jax.distributed import faults, hosts, partitioning
from t2f_jax.errors import UserError
from t2f_jax.io import metrics
from t2f_jax.io.progress import Progress
from t2f_jax.io.run_folder import RunFolder
from t2f_jax.training import checkpoint, goodput, profiling, throughput
from t2f_jax.training.program import Batch, Program, Trainer
from t2f_jax.training.state import State


def run(
    trainer: Trainer,
    cfg: TrainConfig,
    out: pathlib.Path,
    train_batches: Callable[[int], Iterator[Batch]],
    eval_batches: Callable[[], Iterable[Batch]],
    label: str,
    on_eval: Callable[[State, int], None] | None = None,
    config: dict[str, Any] | None = None,
) -> State:
    """Trains up to `cfg.steps` updates in the folder `out`, going on where an earlier run of it stopped.

    Args:
      train_batches: first step (0 at the start) -> the batches from there on. One process of several makes only the
        rows that `partitioning.local_rows` names, of these and of the held-out batches, which are full ones there.
      eval_batches: the held-out batches, the same each time; `cfg.eval_batches` of them are used (0: all).
      label: name of the run in what it prints.
      on_eval: called with the state and the number of updates after an evaluation; must not keep the state, whose
        memory the next step reuses.
      config: everything else that decides the numbers, JSON-able: a run with checkpoints is held to it.
        Default: `cfg` alone.

    Returns:
      The state after the last step; at once if the run had been finished before.

    Raises:
      UserError: checkpoints of another config or none that can be read, a mesh or batch that does not fit the devices,
        data that ends, a loss that is not finite, a full disk.
      SystemExit: 143 after SIGTERM, 130 after Ctrl-C, once a checkpoint is written.
    """
    began, profiled = time.time(), cfg.profiled
    out.mkdir(parents=True, exist_ok=True)
    checkpoint.check_config(out, config if config is not None else {"train": to_dict(cfg)})
    program = Program(trainer, cfg, partitioning.sharing_mesh(cfg.batch_size, cfg.mesh))
    main = hosts.first()

    def say(message: str) -> None:
        if main:
            print(f"{label}: {message}", file=sys.stderr, flush=True)

    with (
        jax.set_mesh(program.mesh),
        faults.Watchdog(label, cfg.hang_after) as watchdog,
        checkpoint.Checkpoints(checkpoint.folder_of(out), cfg.keep_last, cfg.keep_best, say) as checkpoints,
    ):
        state = checkpoints.restore_newest(program.abstract)
        start = 0 if state is None else int(state.step)
        if state is None:
            state = program.init()
        elif start >= cfg.steps:
            say(f"finished before, at step {start}")
            return state
        else:
            say(f"going on after step {start}")
        with (
            Progress(label, cfg.steps, start, "step", quiet=not main) as progress,
            faults.Termination() as stop,
        ):
            watchdog.beat("the first step")
            if main:
                RunFolder(out).fetch(metrics.NUMBERS)
            record = metrics.Writer(out, start) if main else None
            clock = goodput.Clock(began, metrics.last_goodput(out) if main and start else None)
            trace = profiling.Trace(profiled, out / "tensorboard", lambda text: progress.say(f"{label}: {text}"))
            events = _Events(
                program, cfg, checkpoints, eval_batches, on_eval, progress, start, record, clock, watchdog, trace
            )
            with checkpoint.room(out, label), contextlib.closing(events):
                state = events.train(state, train_batches, stop)
                watchdog.beat("writing the last checkpoint")
                checkpoints.wait()
                events.finish(int(state.step))
            if stop.requested:
                progress.say(f"{label}: stopped after step {int(state.step)}, which is saved; run it again to go on")
                raise SystemExit(stop.code)
    return state


class _Events:
    """A run under way: what happens after a step, and where its time goes."""

    def __init__(
        self,
        program: Program,
        cfg: TrainConfig,
        checkpoints: checkpoint.Checkpoints,
        eval_batches: Callable[[], Iterable[Batch]],
        on_eval: Callable[[State, int], None] | None,
        progress: Progress,
        start: int,
        writer: metrics.Writer | None,
        clock: goodput.Clock,
        watchdog: faults.Watchdog,
        trace: profiling.Trace,
    ):
        self.program, self.cfg, self.checkpoints, self.progress = program, cfg, checkpoints, progress
        self.eval_batches, self.on_eval, self.start = eval_batches, on_eval, start
        self.writer, self.clock, self.watchdog, self.trace = writer, clock, watchdog, trace
        self.best = min(checkpoints.eval_losses().values(), default=math.inf)
        self.compile_seconds: float | None = None
        self.began = self.mark = time.monotonic()  # mark: when the last recorded step, evaluation or save was done

    def train(self, state: State, train_batches: Callable[[int], Iterator[Batch]], stop: faults.Termination) -> State:
        """The steps from `start` on, and what is due after each."""
        cfg = self.cfg
        batches = iter(train_batches(self.start))
        batch = self.fetch(batches, self.start)
        if self.trace.due(self.start):
            self.turn_trace(self.start)
        pending: tuple[int, dict[str, jax.Array]] | None = None  # the step whose numbers are still being computed
        for step in range(self.start + 1, cfg.steps + 1):
            with self.trace.step(step):
                state, numbers = self.dispatch(state, batch)
            if pending:
                self.record(*pending)  # waits for the step before this one; the device is busy meanwhile
            pending = step, numbers
            last = stop.after(step) or step == cfg.steps
            eval_due = step == cfg.steps or _due(step, cfg.eval_every)
            save_due = last or _due(step, cfg.save_every)
            trace_due = self.trace.due(step)
            if eval_due or save_due or trace_due:
                self.record(*pending)  # first: a checkpoint's step must have its line, or a kill would lose it
                pending = None
                if trace_due:
                    self.turn_trace(step)
                loss = self.evaluate(state, step) if eval_due else None
                better = loss is not None and loss < self.best and cfg.keep_best > 0
                if save_due or better:  # keep-best cannot keep what was never saved
                    self.save(state, step, loss)
                self.mark = time.monotonic()
            if last:
                break
            batch = self.fetch(batches, step)
        return state

    def fetch(self, batches: Iterator[Batch], step: int) -> dict[str, jax.Array]:
        """The batch of the step after `step`, on its way to the devices while they compute."""
        with self.clock.spending("input"):
            batch = next(batches, None)
            if batch is None:
                raise UserError(f"{self.progress.label}: the training data ended after step {step} of {self.cfg.steps}")
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
        """Writes a step's numbers when they are there; stops the run if they show that it is lost."""
        values = {name: float(x) for name, x in jax.device_get(numbers).items()}
        now = time.monotonic()
        values["seconds"], self.mark = now - self.mark, now
        values |= throughput.rates(values, self.program.mesh)
        if step == self.start + 1 and self.compile_seconds is not None:
            values["compile_seconds"] = self.compile_seconds
            if "mfu" in values:
                self.progress.say(f"{self.progress.label}: {throughput.devices_line(self.program.mesh)}")
        if not math.isfinite(values["loss"]):
            self.lost(f"the loss is {values['loss']}", step)
        if self.writer:
            self.writer.train(step, values)
        self.watchdog.beat(f"step {step + 1}")
        self.progress.update(step, throughput.note(values))

    def evaluate(self, state: State, step: int) -> float:
        """Means over the held-out batches, each row counting the same. Returns the loss."""
        with self.clock.spending("eval"):
            return self._evaluate(state, step)

    def _evaluate(self, state: State, step: int) -> float:
        sums: dict[str, float] = {}
        rows: dict[str, float] = {}
        for batch in itertools.islice(self.eval_batches(), self.cfg.eval_batches or None):
            values, weight = jax.device_get(self.program.evaluate(state, self.program.put(batch)))
            self.watchdog.beat(f"the evaluation after step {step}")
            for name, x in values.items():
                # a part of the loss may be missing in a batch: then it is no number
                if name == "loss" or math.isfinite(x):
                    sums[name] = sums.get(name, 0.0) + float(weight) * float(x)
                    rows[name] = rows.get(name, 0.0) + float(weight)
        if not rows:
            raise UserError(f"{self.progress.label}: the held-out data is empty, so that nothing can be evaluated")
        means = {name: total / rows[name] for name, total in sums.items()}
        if not math.isfinite(means["loss"]):
            self.lost(f"the evaluation loss is {means['loss']}", step)
        if self.writer:
            self.writer.evaluation(step, means)
        if self.on_eval:
            self.on_eval(state, step)
        self.progress.say(f"{self.progress.label}: step {step}, evaluation loss {means['loss']:.5g}")
        return means["loss"]

    def save(self, state: State, step: int, eval_loss: float | None) -> None:
        """A checkpoint of weights that are known to be numbers."""
        self.watchdog.beat(f"saving step {step}")
        with self.clock.spending("saving"):
            if not self.program.finite(state):
                self.lost("the weights are not finite", step)
            self.checkpoints.save(state, step, eval_loss)
        self.best = min(self.best, math.inf if eval_loss is None else eval_loss)
        self.watchdog.beat(f"step {step + 1}")
        faults.report_progress(self.progress.label, step)
        if self.writer:
            self.writer.goodput(step, self.clock.record())
            self.writer.publish()

    def lost(self, what: str, step: int) -> None:
        """Ends the run with what the user can do."""
        self.checkpoints.wait()  # the last one is still being written, maybe, and every process comes here
        good = self.checkpoints.steps
        back = f"the last good checkpoint is of step {good[-1]}" if good else "there is no checkpoint yet"
        raise UserError(
            f"{self.progress.label}: {what} at step {step}; {back}; a lower optim.learning_rate or more"
            " optim.warmup_steps may help"
        )

    def finish(self, step: int) -> None:
        """Says where the time went, of this process and of those before it."""
        steps, seconds = step - self.start, time.monotonic() - self.began
        earlier = f" (of {step}, the others before a restart)" if self.start else ""
        text = f"{steps} steps in {seconds:.1f} s{earlier}; goodput of the whole run: {self.clock.summary()}"
        self.progress.say(f"{self.progress.label}: {text}")

    def turn_trace(self, step: int) -> None:
        """Begins or ends the profiler's trace; no step is under way."""
        with self.clock.spending("saving"):
            self.trace.turn(step)
        self.watchdog.beat(f"step {step + 1}")
        self.mark = time.monotonic()

    def close(self) -> None:
        """Ends the records."""
        self.trace.close()
        if self.writer:
            self.writer.close()


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
