"""`t2f quickstart`: one experiment from drawn faces to its report."""

import pathlib
from typing import Any

from t2f_jax import arguments, bundle
from t2f_jax.config.loader import narrow
from t2f_jax.config.schema import Config
from t2f_jax.distributed import hosts
from t2f_jax.evaluation.publish import publish
from t2f_jax.evaluation.resources import measure_usage
from t2f_jax.evaluation.suite import evaluate
from t2f_jax.experiments import model_card, stages


def quickstart(config: Config, out: pathlib.Path) -> dict[str, Any]:
    """Draws faces, trains on them, evaluates the model, and writes card, results and report into `out`.

    The figures also stand in the model's README.md.

    Returns:
      The card; an empty one in all but the first process of a job.
    """
    out = arguments.path("out", out)
    with measure_usage() as usage:
        model = stages.train(config, out)
        evaluation = evaluate(model, out)
    card = publish(out, "t2f_jax quickstart", evaluation, usage) if evaluation else {}
    if card:
        model_card.write(narrow(config), bundle.load(model), model, card)
    hosts.wait("the card is written")
    return card
