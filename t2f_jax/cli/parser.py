"""The `t2f` command: reads the command line and hands over to the stage that does the work."""

import argparse
import os
import pathlib
import sys
from collections.abc import Callable
from typing import Any

from t2f_jax import __version__, environment
from t2f_jax.cli import convert, drawing, generate_options, plan
from t2f_jax.errors import DiskFull, UserError

CONFIG_HELP = (
    "a Python file with get_config(arg), or the name of one in configs/ (quickstart, faces, ...); NAME:ARG passes ARG"
)


class _Parser(argparse.ArgumentParser):
    """argparse, but a mistake is one line on stderr and exit code 2."""

    def error(self, message: str):
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _positive(text: str, least: int = 1) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least} on, got '{text}'")
    return value


def _place(text: str) -> pathlib.Path | str:
    """A local path, or an address such as gs://bucket/folder, which `_resolve` makes one of."""
    return text if "://" in text else pathlib.Path(text)


def _resolve(args: argparse.Namespace) -> None:
    """Gives addresses their local copies: what is read is fetched, what is written goes up as or after it is made."""
    from t2f_jax.io import remote
    from t2f_jax.io.run_folder import RunFolder

    for name, value in vars(args).items():
        if name == "out" and isinstance(value, str):
            args.out = RunFolder.at(value).path
        elif name in ("tokenizer", "store", "model", "folder", "a", "b") and isinstance(value, str):
            setattr(args, name, remote.fetch(value))
        elif name == "json" and isinstance(value, str):
            folder, _, file = value.rpartition("/")
            args.json = RunFolder.at(folder).path / file
        elif name == "files":
            args.files = [str(remote.fetch(file)) if remote.is_remote(file) else file for file in value]


def _run(args: argparse.Namespace) -> None:
    from t2f_jax.distributed import hosts
    from t2f_jax.io.run_folder import RunFolder

    _resolve(args)
    args.run(args)
    if hosts.joined() and not hosts.first():
        return
    for path in (getattr(args, "json", None), None if args.run in STAGES else getattr(args, "out", None)):
        if path is not None:  # stages see to it themselves, as they go
            RunFolder(path).publish()


def _natural(text: str) -> int:
    return _positive(text, least=0)


def _train_tokenizer(args: argparse.Namespace) -> None:
    from t2f_jax import config
    from t2f_jax.distributed import hosts
    from t2f_jax.experiments import stages

    chosen = config.load(args.config, args.overrides)
    hosts.join()
    with hosts.alone_in(args.out):
        _told(stages.train_tokenizer(chosen, args.out))


def _prepare(args: argparse.Namespace) -> None:
    from t2f_jax import config
    from t2f_jax.distributed import hosts
    from t2f_jax.experiments import stages

    chosen = config.load(args.config, args.overrides)
    hosts.join()
    with hosts.alone_in(args.out):
        _told(stages.prepare(chosen, args.tokenizer, args.out))


def _train(args: argparse.Namespace) -> None:
    from t2f_jax import config
    from t2f_jax.distributed import hosts
    from t2f_jax.experiments import stages

    chosen = config.load(args.config, args.overrides)
    hosts.join()
    with hosts.alone_in(args.out):
        _told(stages.train(chosen, args.out, args.tokenizer, args.store))


def _told(result: pathlib.Path) -> None:
    """The command's answer, once however many processes there are."""
    from t2f_jax.distributed import hosts
    from t2f_jax.io.run_folder import RunFolder

    if hosts.first():
        print(RunFolder(result).origin(), flush=True)


def _first_alone(work: Callable[[], Any]) -> None:
    """Does `work` in the first process; a TPU slice of several hosts wants all of them there."""
    from t2f_jax.distributed import hosts

    hosts.join()
    hosts.alone(work, "the first process is done")


def _quickstart(args: argparse.Namespace) -> None:
    from t2f_jax import config
    from t2f_jax.distributed import hosts
    from t2f_jax.experiments import quickstart

    spec = "quickstart:tiny" if args.tiny else "quickstart"
    chosen = config.load(spec, args.overrides)
    with hosts.alone_in(args.out):
        quickstart.quickstart(chosen, args.out)


def _generate(args: argparse.Namespace) -> None:
    from t2f_jax.cli import generate

    _first_alone(lambda: generate.run(args))


def _caption(args: argparse.Namespace) -> None:
    from t2f_jax.cli import describe

    _first_alone(lambda: describe.caption(args))


def _analyze(args: argparse.Namespace) -> None:
    from t2f_jax.cli import describe

    _first_alone(lambda: describe.analyze(args))


def _evaluate(args: argparse.Namespace) -> None:
    from t2f_jax.evaluation import publish

    _first_alone(lambda: publish.evaluate_and_publish(args.model, args.out, args.overrides))


def _report(args: argparse.Namespace) -> None:
    from t2f_jax.evaluation import publish

    print(publish.rewrite(args.folder))


def _bench(args: argparse.Namespace) -> None:
    from t2f_jax.bench import table

    table.run(args.model, args.json, args.only, args.peer, args.config)


def _supervise(args: argparse.Namespace) -> None:
    from t2f_jax.distributed import supervise

    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if command[:1] == ["t2f"]:
        command = [sys.executable, "-m", "t2f_jax.cli", *command[1:]]
    sys.exit(supervise.Supervisor(command, args.processes, args.restarts, args.grace).run())


def _convert(args: argparse.Namespace) -> None:
    args.convert(args)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = _Parser(
        prog="t2f",
        description="One sequence model for faces: words to face, face to words, face to age and attributes.",
        epilog="Where a config names no data folder, datasets are looked for in $T2F_DATA.",
    )
    parser.add_argument("--version", action="version", version=f"t2f_jax {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    def command(
        name: str, run: Callable[[argparse.Namespace], None], summary: str, detail: str = ""
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}. {detail}")
        sub.set_defaults(run=run)
        return sub

    def out(sub: argparse.ArgumentParser, text: str, default: str | None = None) -> None:
        sub.add_argument("--out", type=_place, required=default is None, default=default, metavar="DIR", help=text)

    def overrides(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "overrides", nargs="*", metavar="KEY=VALUE", help="config values, such as decoder.train.steps=500"
        )

    def model(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--model", type=_place, required=True, metavar="M", help="a model folder")

    sub = command(
        "quickstart",
        _quickstart,
        "draw faces, train on them, evaluate, and write a report: everything, in minutes",
        "Run it again after an interruption and it goes on where it was.",
    )
    out(sub, "where everything goes: report.html, card.json, model/")
    sub.add_argument("--tiny", action="store_true", help="all of it in a minute or two: a first look, not a good model")
    overrides(sub)

    sub = command("train-tokenizer", _train_tokenizer, "train the image tokenizer (VQGAN) of a config")
    sub.add_argument("config", metavar="CONFIG", help=CONFIG_HELP)
    out(sub, "checkpoints, metrics.jsonl, TensorBoard, reconstructions and the finished tokenizer/")
    overrides(sub)

    sub = command(
        "prepare", _prepare, "turn every image into codes and train the text tokenizer, once, before training"
    )
    sub.add_argument("config", metavar="CONFIG", help=CONFIG_HELP)
    sub.add_argument(
        "--tokenizer",
        type=_place,
        required=True,
        metavar="T",
        help="an image tokenizer folder, or a model folder",
    )
    out(sub, "the store that `train --store` reads")
    overrides(sub)

    sub = command(
        "train",
        _train,
        "train the model of a config",
        "Without --store it first trains the image tokenizer and prepares the data, in DIR/tokenizer and DIR/store. "
        "Run it again after an interruption and it goes on where it was.",
    )
    sub.add_argument("config", metavar="CONFIG", help=CONFIG_HELP)
    out(sub, "checkpoints, metrics.jsonl, TensorBoard and the finished model/")
    sub.add_argument("--tokenizer", type=_place, metavar="T", help="take this image tokenizer instead of training one")
    sub.add_argument("--store", type=_place, metavar="S", help="take this prepared store instead of making one")
    overrides(sub)

    sub = command("generate", _generate, generate_options.SUMMARY, generate_options.DETAIL)
    model(sub)
    generate_options.add(sub)
    out(sub, "where the PNGs go")

    for name, run, summary in (
        ("caption", _caption, "describe faces in words"),
        ("analyze", _analyze, "measure faces: age, gender and every other attribute, with probabilities"),
    ):
        sub = command(name, run, summary)
        model(sub)
        sub.add_argument("files", nargs="+", metavar="FILE", help="image files")
        sub.add_argument("--json", type=_place, metavar="F", help="write the answers as JSON, too")
        if name == "analyze":
            sub.add_argument(
                "--attribute", action="append", default=[], metavar="NAME", help="ask only this; repeatable"
            )
        else:
            sub.add_argument(
                "--n", type=_positive, default=1, metavar="N", help="draw N captions a face, likeliest first"
            )
            sub.add_argument(
                "--length", type=_positive, default=64, metavar="L", help="at most L word pieces each (64)"
            )
            sub.add_argument("--seed", type=int, default=0, metavar="S", help="of the first; the others follow (0)")
            drawing.add(sub, drawing.WORDS, "piece", "where nothing is said, the likeliest, or with --n as it comes")

    sub = command(
        "evaluate", _evaluate, "measure a model on the held-out faces of its own data", "Then writes the report."
    )
    model(sub)
    out(sub, "card.json, results and report.html")
    overrides(sub)

    sub = command("report", _report, "write the report of an evaluated run again")
    sub.add_argument("folder", type=_place, metavar="DIR", help="the --out of `evaluate` or `quickstart`")

    sub = command(
        "bench", _bench, "measure this machine: training steps, sampling, scoring, encoding, as ratios in one run"
    )
    sub.add_argument("--model", type=_place, metavar="M", help="a model folder (default: random weights)")
    sub.add_argument(
        "--config",
        default="talk2face_base",
        metavar="CONFIG",
        help="whose structure random weights have (talk2face_base)",
    )
    sub.add_argument("--only", metavar="NAME", help="just the rows whose name holds this")
    sub.add_argument(
        "--peer",
        metavar="COMMAND",
        help='what the VQGAN is compared with, such as "python tests/helpers/peer_taming.py"',
    )
    sub.add_argument("--json", type=_place, metavar="F", help="write the rows as JSON, too")

    sub = command(
        "supervise",
        _supervise,
        "start a command again where it was, whenever it is killed, hangs or loses another host",
        "Not after exit code 0, or 2: a mistake in what was given.",
    )
    sub.add_argument(
        "--processes", type=_positive, default=1, metavar="N", help="start N of it on this machine as one job (1)"
    )
    sub.add_argument(
        "--restarts",
        type=_natural,
        default=5,
        metavar="N",
        help="without a new checkpoint in between, at most (5)",
    )
    sub.add_argument(
        "--grace",
        type=_positive,
        default=60,
        metavar="S",
        help="seconds to save in after SIGTERM (60)",
    )
    sub.add_argument("command", nargs="+", metavar="COMMAND", help="after --: -- t2f train faces --out runs/faces")

    sub = command(
        "plan",
        plan.run,
        "what a training run needs and takes on a TPU topology, before a chip is rented",
        "Compiles the real training step for it: memory, time bounds, collectives. Needs pip install libtpu.",
    )
    sub.add_argument("config", metavar="CONFIG", help=CONFIG_HELP)
    plan.add(sub)
    overrides(sub)

    convert.add(command("convert", _convert, "weights in and out: the original's files, PyTorch, safetensors"))
    return parser


STAGES = (_train, _train_tokenizer, _prepare)


def main(argv: list[str] | None = None) -> None:
    """Entry point of `t2f`. Exit codes: 0 done, 2 a user's mistake (one line on stderr), 130 interrupted."""
    parser = build_parser()
    args, rest = parser.parse_known_args(argv)
    flags = [word for word in rest if word.startswith("-") or not hasattr(args, "overrides")]
    if flags:
        parser.error(f"unrecognized arguments: {' '.join(flags)}")
    elif rest:
        args.overrides = [*args.overrides, *rest]  # argparse takes no KEY=VALUE behind an option
    if args.run is _supervise:  # what it starts sees to itself
        guarded(lambda: _run(args))
        return
    if argv is None and args.run not in (_convert, _report):
        environment.tune(many_steps=args.run in (_quickstart, _train, _train_tokenizer))
    if args.run is not plan.run:  # programs for chips that are not there cannot be read back
        environment.keep_programs()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # TensorFlow only feeds data here; its notice is noise
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    guarded(lambda: _run(args))


def guarded(work: Callable[[], None]) -> None:
    """Does a command's work; what goes wrong becomes a line on stderr and an exit code."""
    from t2f_jax.distributed import hosts

    try:
        work()
    except DiskFull as error:
        hosts.leave(_fail(f"t2f: {error}", 2), at_once=True)
    except UserError as error:
        hosts.leave(_fail(f"t2f: {error}", 2))
    except FileExistsError as error:
        hosts.leave(_fail(f"t2f: {error.filename or 'file'}: a file is there already; name a folder", 2))
    except OSError as error:  # a full disk, a folder that cannot be written
        hosts.leave(_fail(f"t2f: {error.filename or 'file'}: {error.strerror or error}", 2))
    except KeyboardInterrupt:
        hosts.leave(_fail("t2f: interrupted; the same command goes on from the last checkpoint", 130))
    except Exception as error:
        if not hosts.joined():
            raise
        hosts.leave(_fail(f"t2f: {hosts.fault(error)}", hosts.RESTART))


def _fail(line: str, code: int) -> int:
    print(line.replace("\n", " "), file=sys.stderr)
    return code
