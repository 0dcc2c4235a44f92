"""The runs of a sweep: here in sequence, each in its own process, or each by a command somewhere else.

A run that fails does not end the sweep: the reason is stored in its folder, and the same command tries it again. An
interrupted run continues from its last checkpoint, and finished work is never repeated.
"""

import contextlib
import dataclasses
import pathlib
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence

from t2f_jax.config.schema import Config, Role
from t2f_jax.config.sweep import Trial, digest
from t2f_jax.config.typed import to_dict
from t2f_jax.errors import Ended, UserError
from t2f_jax.evaluation.kept import IMAGES
from t2f_jax.experiments.sweeps import results
from t2f_jax.io.files import write_text
from t2f_jax.io.progress import say
from t2f_jax.io.run_folder import RunFolder

RUNS, SHARED = "runs", "shared"
EVALUATION = "evaluation"  # in a run's folder
FAILURE = "failure.txt"
PATIENCE = 12 * 3600.0  # seconds to wait for another run that makes shared parts, or for the same run


def folder_of(out: pathlib.Path, trial: Trial) -> pathlib.Path:
    """The folder of a run of the sweep in `out`."""
    return out / RUNS / trial.key


def distinct(trials: Sequence[Trial]) -> list[Trial]:
    """The trials without those that have the same run as an earlier one."""
    first: dict[str, Trial] = {}
    for trial in trials:
        first.setdefault(trial.key, trial)
    return list(first.values())


def find(trials: Sequence[Trial], name: str) -> Trial:
    """The trial with that name. Raises UserError if there is none."""
    for trial in trials:
        if trial.name == name:
            return trial
    raise UserError(f"the sweep has no run '{name}'; its runs are {', '.join(trial.name for trial in trials)}")


def choose(trials: Sequence[Trial], arms: Sequence[str], baseline: str) -> list[Trial]:
    """The trials of some arms and of the baseline; all if none is named. Raises UserError for an unknown arm."""
    known = {trial.arm.name for trial in trials}
    for name in arms:
        if name not in known:
            raise UserError(f"the sweep has no arm '{name}'; its arms are {', '.join(sorted(known))}")
    return [trial for trial in trials if not arms or trial.arm.name in (baseline, *arms)]


def run_all(
    trials: Sequence[Trial], out: pathlib.Path, command: Callable[[Trial], list[str]], hours: float = 0.0
) -> dict[str, str]:
    """Runs the unfinished trials in sequence, each by a command.

    Args:
      command: trial -> program and arguments, which call `run`.
      hours: when the finished runs have taken this long in total, no further one starts; 0: no limit.

    Returns:
      {name: reason} of the runs that failed.

    Raises:
      SystemExit, KeyboardInterrupt: the current run was ended from outside and has saved its state, see `_wait_for`.
    """
    runs, failed = distinct(trials), {}
    for number, trial in enumerate(runs, 1):
        folder = folder_of(out, trial)
        if results.read(folder, trial):
            continue
        spent = sum(r.costs["seconds"] for t in runs if (r := results.read(folder_of(out, t), t)))
        if hours and spent >= hours * 3600:
            say(f"sweep: {spent / 3600:.2f} h of runs are done, the limit is {hours:g} h; {trial.name} is not started")
            break
        say(f"sweep: run {number} of {len(runs)}, {trial.name}")
        failure = folder / FAILURE
        failure.unlink(missing_ok=True)
        code = _wait_for(subprocess.Popen(command(trial), start_new_session=True))
        if code:
            if not failure.is_file():  # it was killed, or could not start
                end = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
                write_text(failure, end + "\n")
            failed[trial.name] = failure.read_text(encoding="utf-8").strip()
            say(f"sweep: {trial.name} failed ({failed[trial.name]}); continuing with the others")
    return failed


def _wait_for(process: subprocess.Popen) -> int:
    """The exit code of a run. Signals that end this process are forwarded to it and take effect when it has ended.

    SIGHUP becomes SIGTERM, at which a training saves. SIGINT is forwarded as SIGINT only, which a run in the background
    of a shell, or under nohup, ignores.

    Raises:
      SystemExit: the run was ended by the signal, and reported that.
      KeyboardInterrupt: the run did not.
    """
    interrupted: KeyboardInterrupt | None = None
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt as error:  # Ctrl-C, or a signal treated like it
            interrupted = error
            with contextlib.suppress(OSError):
                process.send_signal(signal.SIGTERM if isinstance(error, Ended) else signal.SIGINT)
    if interrupted is None:
        return code
    number = interrupted.number if isinstance(interrupted, Ended) else signal.SIGINT
    if code in (128 + signal.SIGINT, 128 + signal.SIGTERM):
        raise SystemExit(128 + number)
    raise interrupted


def run(trial: Trial, out: pathlib.Path) -> results.Result | None:
    """Trains and measures one run, in this process; finished work is kept.

    Returns:
      Its result; None except in the first process of a job.

    Raises:
      UserError: as `stages.train` and `suite.evaluate`; the reason is also stored in the run's folder.
    """
    from t2f_jax.distributed import hosts

    folder = folder_of(out, trial)
    with hosts.alone_in(folder, PATIENCE):
        if found := results.read(folder, trial):
            return found
        with _recording(folder):
            return _train_and_measure(trial, folder, out)


@contextlib.contextmanager
def _recording(folder: pathlib.Path) -> Iterator[None]:
    """Stores the reason of an error in the block."""
    from t2f_jax.distributed import hosts

    try:
        yield
    except Exception as error:
        if hosts.first():
            text = " ".join(str(error).split())
            write_text(
                folder / FAILURE, (text if isinstance(error, UserError) else f"{type(error).__name__}: {text}")[:2000]
            )
            RunFolder(folder).publish(FAILURE)
        raise


def _train_and_measure(trial: Trial, folder: pathlib.Path, out: pathlib.Path) -> results.Result | None:
    from t2f_jax.distributed import hosts
    from t2f_jax.evaluation import publish, suite
    from t2f_jax.evaluation.resources import measure_usage
    from t2f_jax.experiments import runs, stages

    tokenizer, store = make_shared(trial.config, out)
    model = stages.train(trial.config, folder, tokenizer, store)
    place = folder / EVALUATION
    with measure_usage() as usage:
        settings = [f"eval.{name}={value!r}" for name, value in to_dict(trial.config.eval).items()]
        evaluation = suite.evaluate(model, place, settings, out / IMAGES)
    if evaluation is None:
        hosts.wait("the run is measured")
        return None
    publish.publish(place, trial.name, evaluation, usage)
    RunFolder(place).publish()
    result = results.of_training(trial.config, folder, runs.open_parts(tokenizer, store).vocab.size)
    many = len({part.source for part in evaluation.parts}) > 1
    found = {
        name: dataclasses.replace(figure, name=name)
        for part in evaluation.parts
        for figure in part.figures
        for name in [f"{part.source}/{figure.name}" if many else figure.name]
    }
    costs = {**result.costs, "seconds": result.costs["seconds"] + usage.seconds}
    result = dataclasses.replace(result, figures={**result.figures, **found}, costs=costs)
    results.write(folder, trial, result)
    hosts.wait("the run is measured")
    return result


def make_shared(config: Config, out: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """The image tokenizer and the store of a config, made unless a run with the same settings has made them."""
    from t2f_jax.distributed import hosts
    from t2f_jax.experiments import stages
    from t2f_jax.io import remote

    tokenizer_key, store_key = shared_keys(config)
    folder, images = out / SHARED, out / IMAGES
    if config.decoder.init_from:
        tokenizer = remote.fetch(config.decoder.init_from)
    else:
        place = folder / f"tokenizer-{tokenizer_key}"
        with hosts.alone_in(place, PATIENCE):
            tokenizer = stages.own_tokenizer(config, place, images)
    place = folder / f"store-{store_key}"
    with hosts.alone_in(place, PATIENCE):
        return tokenizer, stages.prepare_store(config, tokenizer, place, images)


def make_all_shared(trials: Sequence[Trial], out: pathlib.Path) -> None:
    """Makes the image tokenizers and stores of all trials, each once."""
    for config in {shared_keys(trial.config): trial.config for trial in trials}.values():
        make_shared(config, out)


def shared_keys(config: Config) -> tuple[str, str]:
    """Digests of what determines a config's image tokenizer, and its store."""
    seen = to_dict(config.data, without=(Role.FREE, Role.STORE_ONLY))
    tokenizer = digest([to_dict(config.image, without=(Role.FREE,)), seen, config.decoder.init_from])
    return tokenizer, digest([tokenizer, to_dict(config.data, without=(Role.FREE,)), to_dict(config.text)])


def lines(trials: Sequence[Trial], out: pathlib.Path, command: Sequence[str], prefix: str = "") -> list[str]:
    """A command line that makes the shared parts, then one for each unfinished run.

    Args:
      command: `t2f sweep CONFIG --out DIR ...`, to which `--run NAME` is added.
      prefix: of each line, such as `launch/slurm --nodes 1 --gpus 8 --name {run} --`; `{run}` is the run's name.
    """
    runs = distinct(trials)
    for trial in trials:
        if trial not in runs:
            same = next(other.name for other in runs if other.key == trial.key)
            say(f"sweep: {trial.name} is the same run as {same}")
    todo = [trial for trial in runs if not results.read(folder_of(out, trial), trial)]
    if not todo:
        return []
    parts = [("shared", "--shared"), *((trial.name, f"--run {shlex.quote(trial.name)}") for trial in todo)]
    return [f"{prefix.replace('{run}', name)} {shlex.join(command)} {which}".strip() for name, which in parts]
