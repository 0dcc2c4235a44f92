"""The `t2f` command line: its parser, what a command needs around it, and errors as exit codes."""

import argparse
import os
import re
from collections.abc import Callable

from t2f_jax import __version__, environment
from t2f_jax.cli import (
    bench,
    compare,
    completion,
    config,
    convert,
    data,
    demo,
    describe,
    doctor,
    evaluate,
    generate,
    interrupts,
    options,
    plan,
    reproduce,
    streams,
    supervise,
    sweep,
    train,
)
from t2f_jax.errors import DiskFull, UserError, full_disk, nearest
from t2f_jax.io.progress import say

COMMANDS = (  # in the order of `t2f --help`
    *(train, sweep, data, generate, describe, demo, evaluate, compare, reproduce),
    *(config, bench, supervise, plan, convert, doctor, completion),
)
PIPE_CLOSED = 141  # what a shell says of a program that was ended by SIGPIPE


class Parser(argparse.ArgumentParser):
    """argparse, but a mistake is one line on stderr and exit code 2."""

    def nearest_option(self, word: str) -> str:
        """ "; the nearest is '--guidance'" for a word such as "--guidence=3"; "" if it resembles no option."""
        known = [option for action in self._actions for option in action.option_strings]
        near = nearest(word.partition("=")[0], known, 0.6) if word.startswith("-") else ""
        return f"; the nearest is '{near}'" if near else ""

    def error(self, message: str):
        """Ends the program. Of a wrong choice the nearest right one is named in place of all."""
        wrong, listed, choices = message.partition(" (choose from ")
        if listed and (near := nearest(wrong.rpartition(": ")[2].strip("'"), re.findall(r"[\w-]+", choices), 0.6)):
            message = f"{wrong}; the nearest is '{near}'"
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def build_parser() -> Parser:
    """The whole command line. Each command sets `run`, a function of the arguments, and `needs`, an `options.Needs`."""
    parser = Parser(
        prog="t2f",
        description="One sequence model for faces: text to face, face to caption, face to age and attributes.",
        epilog="If a config names no data folder, datasets are looked up in $T2F_DATA.",
    )
    parser.add_argument("--version", action="version", version=f"t2f_jax {__version__}")
    parser.set_defaults(parser=parser)  # which `t2f completion` tells of
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for module in COMMANDS:
        module.add(commands)
    return parser


def main(argv: list[str] | None = None) -> None:
    """Entry point of `t2f`.

    Exit codes: 0 done, 2 a user's mistake (one line on stderr), 130 interrupted, 129 or 143 ended by SIGHUP or SIGTERM,
    141 nobody reads what is printed.
    """
    streams.prepare()
    if argv is None:  # signals are the whole program's
        interrupts.prepare()
    parser = build_parser()
    try:
        args, rest = parser.parse_known_args(argv)
    except SystemExit:  # --help and --version print
        guarded(lambda: None)
        raise
    flags = [word for word in rest if word.startswith("-") or not hasattr(args, "overrides")]
    if flags:
        args.command.error(f"unrecognized arguments: {' '.join(flags)}{args.command.nearest_option(flags[0])}")
    elif rest:
        args.overrides = [*args.overrides, *rest]  # argparse takes no KEY=VALUE behind an option
    needs: options.Needs = args.needs
    if needs.jax:
        if needs.tuned and argv is None:  # it starts the program again, which only a program of its own may do
            environment.tune(many_steps=needs.many_steps)
        if needs.programs:
            environment.keep_programs()
        os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    with environment.assumed_settings():
        guarded(lambda: _run(args), next(iter(_outputs(args)), None))
    if argv is None:
        interrupts.end_at_once()


def _run(args: argparse.Namespace) -> None:
    """Does the command's work and uploads what it wrote, both as it needs it."""
    from t2f_jax.distributed import hosts

    outputs = _outputs(args)
    for output in outputs:
        output.check()
        output.check_apart(_inputs(args))
    needs: options.Needs = args.needs
    if needs.first_alone:
        hosts.join()
        hosts.alone(lambda: args.run(args), "the first process is done")
    else:
        args.run(args)
    if not needs.uploads or (hosts.joined() and not hosts.first()):
        return
    for output in outputs:
        output.run.publish()


def _outputs(args: argparse.Namespace) -> list[options.Writable]:
    """What the command writes."""
    return [value for value in vars(args).values() if isinstance(value, options.Writable)]


def _inputs(args: argparse.Namespace) -> list[options.Readable]:
    """What the command reads."""
    values = [value if isinstance(value, list) else [value] for value in vars(args).values()]
    return [value for several in values for value in several if isinstance(value, options.Readable)]


def guarded(work: Callable[[], None], out: options.Writable | None = None) -> None:
    """Does a command's work; an error becomes a line on stderr and an exit code.

    Args:
      out: what the command writes: the place that is named where an error names none.
    """
    from t2f_jax.distributed import hosts

    try:
        work()
        streams.flush()
    except DiskFull as error:
        hosts.leave(_fail(f"t2f: {error}{_and(out and out.faces())}", 2), at_once=True)
    except UserError as error:
        hosts.leave(_fail(f"t2f: {error}", 2))
    except FileExistsError as error:
        hosts.leave(_fail(f"t2f: {error.filename or out or 'file'}: a file is there already; name a folder", 2))
    except BrokenPipeError:
        streams.drop()
        hosts.leave(PIPE_CLOSED)
    except OSError as error:  # a folder that cannot be written, a full disk
        streams.drop()
        hosts.leave(_fail(_describe(error.filename, error.strerror or str(error), out), 2))
    except KeyboardInterrupt as error:
        own = interrupts.end_at_once()
        streams.drop()
        end, code = interrupts.describe(error)
        told = f"t2f: {end}{_and(out and out.contents())}"
        hosts.leave(_fail(told, code), at_once=own)  # a thread that waits for a disk or a pipe would hold the end up
    except Exception as error:
        reason = full_disk(error)
        if reason:
            hosts.leave(_fail(_describe(None, reason, out), 2))
        if isinstance(error, (RuntimeError, AssertionError, ValueError)):  # as JAX raises them when it starts
            try:
                environment.check_platform()
            except UserError as wrong:
                hosts.leave(_fail(f"t2f: {wrong}", 2))
        if not hosts.joined():
            raise
        hosts.leave(_fail(f"t2f: {hosts.report_fault(error)}", hosts.RESTART))


def _describe(name: object, reason: str, out: options.Writable | None) -> str:
    """The line about a disk: the file if the error names it, the folder that is written, and what is there."""
    return f"t2f: {name or out or 'standard output'}: {reason}{_and(out and out.contents())}"


def _and(there: str | None) -> str:
    return f"; {there}" if there else ""


def _fail(line: str, code: int) -> int:
    say(line.replace("\n", " "))
    return code
