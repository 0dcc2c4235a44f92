"""`t2f sweep`: the variants of a config, trained with several seeds, and a report of what their differences show."""

import argparse
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from t2f_jax import environment
from t2f_jax.cli import options
from t2f_jax.errors import UserError

if TYPE_CHECKING:
    from t2f_jax.config.sweep import Sweep, Trial


def add(commands: options.Commands) -> None:
    """Adds the command."""
    sub = options.add_command(
        commands,
        "sweep",
        run,
        "train the variants of a config with several seeds, and report their differences",
        "The config file's sweep() names the variants. Run it again after an interruption to resume.",
        options.Needs(uploads=False, many_steps=True),
    )
    options.add_config(sub)
    options.add_out(sub, "its report (CONFIG.html, .md, .csv) and all runs")
    what = "only these variants, besides the baseline (all)"
    sub.add_argument("--arms", default="", metavar="A,B", help=what)
    what = "start no further run once all runs together have taken H hours (the sweep's own limit)"
    sub.add_argument("--hours", type=options.tolerance, metavar="H", help=what)
    mode = sub.add_mutually_exclusive_group()
    mode.add_argument("--report", action="store_true", help="write the report of the finished runs, train nothing")
    mode.add_argument("--lines", action="store_true", help="print a command for each run that is not finished")
    what = "like --lines, with PREFIX before each command, such as 'launch/slurm --nodes 1 --gpus 8 --name {run} --'"
    mode.add_argument("--launch", metavar="PREFIX", help=what)
    mode.add_argument("--shared", action="store_true", help="make only what runs share (tokenizers and stores)")
    mode.add_argument("--run", dest="only", metavar="RUN", help="only this run, such as causal-1, without a report")
    options.add_overrides(sub)


def run(args: argparse.Namespace) -> None:
    """`t2f sweep`."""
    from t2f_jax import config
    from t2f_jax.config.sweep import BASELINE
    from t2f_jax.experiments.sweeps import runner

    sweep, every = config.load_sweep(args.config, args.overrides)
    trials = runner.choose(every, [name for name in args.arms.split(",") if name], BASELINE)
    out: pathlib.Path = args.out.path
    if args.only:
        _run_here(lambda: runner.run(runner.find(every, args.only), out))
    elif args.shared:
        _run_here(lambda: runner.make_all_shared(trials, out))
    elif args.lines or args.launch is not None:
        for line in runner.lines(trials, out, ["t2f", *_command(args)], args.launch or ""):
            print(line)
    else:
        failed: dict[str, str] = {}
        if not args.report:
            start = [*environment.command(), *_command(args)]
            hours = sweep.hours if args.hours is None else args.hours
            failed = runner.run_all(trials, out, lambda trial: [*start, "--run", trial.name], hours)
        _report(args, sweep, trials, failed)


def _run_here(work: Callable[[], object]) -> None:
    """Does work in a process that has joined its job."""
    from t2f_jax.distributed import hosts

    hosts.join()
    work()


def _command(args: argparse.Namespace) -> list[str]:
    return ["sweep", args.config, "--out", str(args.out), *args.overrides]


def _report(args: argparse.Namespace, sweep: "Sweep", trials: "list[Trial]", failed: dict[str, str]) -> None:
    from t2f_jax.experiments.sweeps import report, results, runner

    out = args.out.path
    found = [(trial, result) for trial in trials if (result := results.read(runner.folder_of(out, trial), trial))]
    finished = {trial.name for trial, _ in found}
    left = {trial.name: failed.get(trial.name, "not run yet") for trial in trials if trial.name not in finished}
    if not found and not failed:
        raise UserError(f"{args.out}: no run of this sweep is finished there; run `t2f sweep` without --report")
    config, _, arg = args.config.partition(":")
    name = "-".join(filter(None, (pathlib.PurePath(config).stem, arg)))
    page = report.write(out, name, f"Sweep of {args.config}", sweep, found, left)
    for kind in (report.PAGE, report.MARKDOWN, report.RUNS):
        args.out.run.publish(name + kind)
    for finding in page.findings:
        for arm, said in finding.lines:
            print(f"{arm}: {'; '.join(said)}")
    for what, law in page.laws.items():
        print(f"{what}: {law}")
    if page.overview:
        print("in short (↓ lower is better, ↑ higher is better):")
    for factor, said in page.overview.items():
        print(f"  {factor}: {said}")
    if page.caution:
        print(page.caution)
    print(f"report: {args.out.origin / (name + report.PAGE)}")
    if failed:
        first = next(iter(failed))
        raise UserError(
            f"{len(failed)} of {len(trials)} runs failed, the first {first} ({failed[first]}); the same command tries"
            " them again"
        )
