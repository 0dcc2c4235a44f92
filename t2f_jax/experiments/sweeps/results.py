"""The results of a finished run: figures on held-out faces, costs, learning curve. Stored as `figures.json`."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.config.schema import Config, Role
from t2f_jax.config.sweep import Trial, digest
from t2f_jax.config.typed import to_dict
from t2f_jax.errors import UserError
from t2f_jax.evaluation.figure import Figure, protocol_line
from t2f_jax.io import metrics
from t2f_jax.io.files import defined, read_json, write_json
from t2f_jax.io.run_folder import RunFolder
from t2f_jax.models import flops

FIGURES = "figures.json"
FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Result:
    """A run's figures and costs.

    Attributes:
      figures: {name: figure}; those of training are named `held_out/...`.
      costs: steps; parameters (of the decoder); tokens and model_flops (of training, see `models.flops`); seconds (of
        training and evaluation, over all starts).
      curve: {"step", "model_flops", "loss"}: at each evaluation during training, work so far and held-out loss.
    """

    figures: Mapping[str, Figure]
    costs: Mapping[str, float]
    curve: Mapping[str, Sequence[float]]


def measured_by(config: Config) -> str:
    """Digest of what determines how a finished model is measured."""
    return digest([FORMAT, to_dict(config.eval)])


def write(folder: pathlib.Path, trial: Trial, result: Result) -> None:
    """Writes a run's `figures.json`."""
    record = {
        "run": trial.name,
        "key": trial.key,
        "measured_by": measured_by(trial.config),
        "figures": [figure.to_dict() for figure in result.figures.values()],
        "costs": dict(result.costs),
        "curve": {name: list(values) for name, values in result.curve.items()},
    }
    write_json(folder / FIGURES, defined(record))
    RunFolder(folder).publish(FIGURES)


def read(folder: pathlib.Path, trial: Trial) -> Result | None:
    """The result of the run in `folder`; None if it is not finished, was measured differently, or cannot be read."""
    path = RunFolder(folder).fetch(FIGURES)
    if not path.is_file():
        return None
    try:
        record = read_json(path, "the run's figures")
        if record["measured_by"] != measured_by(trial.config):
            return None
        figures = [Figure.from_dict(values) for values in record["figures"]]
        return Result({figure.name: figure for figure in figures}, record["costs"], record["curve"])
    except (UserError, KeyError, TypeError, ValueError):  # damaged, or of another version: measured again
        return None


def of_training(config: Config, folder: pathlib.Path, vocab_size: int) -> Result:
    """The result from a training's own record, without any further evaluation of the model.

    Raises:
      UserError: the record has no evaluation.
    """
    rows = metrics.read(folder / metrics.NUMBERS)
    evaluations, steps = metrics.eval_rows(rows), metrics.train_rows(rows)
    if not evaluations or not steps:
        raise UserError(f"{folder / metrics.NUMBERS}: the training's metrics hold no evaluation; train again")
    numbers = np.array([row["step"] for row in steps])
    flop_N, token_N = (_work(steps, name) for name in ("model_flops", "tokens"))
    last = metrics.last_goodput(folder)
    curve = {
        "step": [float(row["step"]) for row in evaluations],
        "model_flops": [float(flop_N[numbers <= row["step"]].sum()) for row in evaluations],
        "loss": [float(row["loss"]) for row in evaluations],
    }
    costs = {
        "steps": float(config.decoder.train.steps),
        "parameters": float(flops.parameters(config.decoder.model, vocab_size)),
        "tokens": float(token_N.sum()),
        "model_flops": float(flop_N.sum()),
        "seconds": float(last["goodput"]["wall"]) if last else float(sum(row["seconds"] for row in steps)),
    }
    figures = _losses(config, evaluations[-1])
    return Result({figure.name: figure for figure in figures}, costs, curve)


def _work(steps: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    """The amount of work of each step, from its rate."""
    return np.array([row.get(f"{name}_per_second", 0.0) * row["seconds"] for row in steps], np.float64)


def _losses(config: Config, row: Mapping[str, Any]) -> list[Figure]:
    """The last evaluation's losses in nats per token. Their protocol identifies the rows that they were measured on."""
    train = config.decoder.train
    line = protocol_line(
        "held-out loss",
        weights="averaged" if train.ema else "last",
        span=config.decoder.loss_span,
        rows=train.eval_batches * train.batch_size,
        of=digest(_rows(config)),
        version=1,
    )
    names = [name for name in row if name.startswith("loss") and row[name] is not None]
    n = train.eval_batches * train.batch_size
    return [Figure(f"held_out/{name}", float(row[name]), n, "nats", "lower", line) for name in names]


def _rows(config: Config) -> list[Any]:
    """What determines the held-out rows and their scored tokens: losses on others are not comparable."""
    decoder = config.decoder
    image = to_dict(config.image, without=(Role.FREE,))
    data, text = to_dict(config.data, without=(Role.FREE,)), to_dict(config.text)
    lengths = [decoder.sequence_length, decoder.text_length, decoder.source_temperature, decoder.init_from]
    only_training = ("hidden_codes", "code_dropout")
    tasks = {k: v for k, v in to_dict(decoder.tasks).items() if k not in only_training}
    return [image, data, text, tasks, lengths, decoder.train.eval_batches, decoder.train.batch_size]
