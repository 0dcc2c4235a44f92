"""`t2f supervise`: starts a command again where it was."""

import argparse
import sys

from t2f_jax import environment
from t2f_jax.cli import options


def add(commands: options.Commands) -> None:
    """Adds the command."""
    sub = options.add_command(
        commands,
        "supervise",
        run,
        "start a command again where it was, whenever it is killed, hangs or loses another host",
        "Not after exit code 0, or 2: a mistake in what was given, or 141: nobody reads what it prints.",
        options.Needs(jax=False),  # the command that it starts sees to itself
    )
    what = "start N of it on this machine as one job (1)"
    sub.add_argument("--processes", type=options.positive, default=1, metavar="N", help=what)
    what = "without a new checkpoint in between, at most (5)"
    sub.add_argument("--restarts", type=options.natural, default=5, metavar="N", help=what)
    what = "seconds to save in after SIGTERM (60)"
    sub.add_argument("--grace", type=options.positive, default=60, metavar="S", help=what)
    sub.add_argument("command", nargs="+", metavar="COMMAND", help="after --: -- t2f train faces --out runs/faces")


def run(args: argparse.Namespace) -> None:
    """Runs the command to its end and leaves with its exit code."""
    from t2f_jax.distributed import supervise

    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if command[:1] == ["t2f"]:
        command = [*environment.command(), *command[1:]]
    sys.exit(supervise.Supervisor(command, args.processes, args.restarts, args.grace).run())
