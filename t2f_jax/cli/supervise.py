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
        "restart a command whenever it is killed, hangs or loses another host; training resumes",
        "It is not restarted after exit code 0, 2 (a user error) or 141 (its output is no longer read).",
        options.Needs(jax=False),  # the command that it starts sees to itself
    )
    what = "number of processes to start on this machine as one job (1)"
    sub.add_argument("--processes", type=options.positive, default=1, metavar="N", help=what)
    what = "most restarts in a row without a new checkpoint (5)"
    sub.add_argument("--restarts", type=options.natural, default=5, metavar="N", help=what)
    what = "seconds for saving after SIGTERM (60)"
    sub.add_argument("--grace", type=options.positive, default=60, metavar="S", help=what)
    sub.add_argument("command", nargs="+", metavar="COMMAND", help="after --: -- t2f train faces --out runs/faces")


def run(args: argparse.Namespace) -> None:
    """Runs the command to its end and leaves with its exit code."""
    from t2f_jax.distributed import supervise

    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if command[:1] == ["t2f"]:
        command = [*environment.command(), *command[1:]]
    sys.exit(supervise.Supervisor(command, args.processes, args.restarts, args.grace).run())
