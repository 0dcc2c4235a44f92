"""`t2f demo`: a web page to try a model."""

import argparse
import pathlib

from t2f_jax.cli import options
from t2f_jax.errors import UserError
from t2f_jax.io.progress import say

RUNS = pathlib.Path("runs")
MAKES_ONE = "t2f quickstart --out runs/quickstart"


def add(commands: options.Commands) -> None:
    """Adds the command."""
    detail = (
        "Only this machine can reach it unless --host says otherwise; whoever reaches it may use it. Ctrl-C ends it."
    )
    summary = "serve a web page to try a model: generate, describe, analyze"
    sub = options.add_command(commands, "demo", run, summary, detail)
    what = "a model folder, or that of the run that made it (default: the newest in runs/)"
    sub.add_argument("--model", type=options.model_folder, metavar="M", help=what)
    what = "address to listen on (127.0.0.1: this machine only; 0.0.0.0: the network, too)"
    sub.add_argument("--host", default="127.0.0.1", metavar="H", help=what)
    sub.add_argument("--port", type=options.natural, default=7860, metavar="P", help="port (7860); 0: any free port")
    what = "most requests in the queue; further ones are refused as busy (64)"
    sub.add_argument("--waiting", type=options.positive, default=64, metavar="N", help=what)


def newest_model(runs: pathlib.Path) -> pathlib.Path:
    """The newest model folder in a folder of runs. Raises UserError, with the command that makes one, if none is."""
    found = [path.parent for pattern in ("*/model", "*") for path in runs.glob(f"{pattern}/decoder.safetensors")]
    if not found:
        raise UserError(f"demo: there is no model in {runs}/; give --model DIR, or make one: {MAKES_ONE}")
    return max(found, key=lambda folder: (folder / "config.json").stat().st_mtime)


def run(args: argparse.Namespace) -> None:
    """Serves the page until Ctrl-C."""
    folder = args.model.path() if args.model else newest_model(RUNS)
    try:
        from t2f_jax.demo import server
    except ImportError as error:
        raise UserError(f"demo: {error.name} is not installed; pip install 't2f_jax[demo]'") from error
    from t2f_jax.demo.limits import Limits
    from t2f_jax.inference.model import load

    model = load(folder)
    say(f"t2f: {folder}: starting; the first start compiles the model's programs")
    server.run(model, args.host, args.port, Limits(waiting=args.waiting), lambda address: print(address, flush=True))
