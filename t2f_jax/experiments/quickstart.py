"""`t2f quickstart`: one experiment from drawn faces to its report. A finished one is not changed."""

import pathlib
from typing import Any

from t2f_jax import __version__, arguments, bundle
from t2f_jax.config.loader import narrow
from t2f_jax.config.schema import Config, Role
from t2f_jax.config.typed import flat_values, from_dict, to_dict
from t2f_jax.distributed import hosts
from t2f_jax.errors import UserError
from t2f_jax.evaluation import rows
from t2f_jax.evaluation.cards import record
from t2f_jax.evaluation.publish import MARKDOWN, REPORT, publish
from t2f_jax.evaluation.resources import measure_usage
from t2f_jax.evaluation.suite import evaluate
from t2f_jax.experiments import model_card, stages
from t2f_jax.io.files import read_json
from t2f_jax.io.progress import say
from t2f_jax.io.run_folder import RunFolder
from t2f_jax.report import content

TITLE = "t2f_jax quickstart"


def quickstart(config: Config, out: pathlib.Path) -> dict[str, Any]:
    """Draws faces, trains on them, evaluates the model, and writes card, results and report into `out`.

    The figures are also written into the model's README.md. If everything exists already, made with the same config by
    the same version, nothing is done and no file is changed.

    Returns:
      The card; {} except in the first process of a job.

    Raises:
      UserError: the contents of `out` were trained with another config, or another run is active there.
    """
    config, out = narrow(config), arguments.path("out", out)
    hosts.join()
    lacking = what_is_lacking(config, out) if hosts.first() else ""
    if not hosts.all_agree(not lacking):
        with hosts.alone_in(out):
            return _make(config, out, lacking)
    if not hosts.first():
        return {}
    place = RunFolder(out).origin()
    say(f"t2f: {place}: already finished, so nothing is done and no file is changed; the model is {place / 'model'}")
    return read_json(out / record.CARD, "the card of the finished run")


def _make(config: Config, out: pathlib.Path, lacking: str) -> dict[str, Any]:
    trained_before = (out / "model").is_dir()
    with measure_usage() as usage:
        model = stages.train(config, out)
        if trained_before and hosts.first():
            say(f"t2f: the trained model is evaluated again: {lacking}")
        evaluation = evaluate(model, out)
    card = publish(out, TITLE, evaluation, usage) if evaluation else {}
    if card:
        model_card.write(config, bundle.load(model), model, card)
        RunFolder(out).publish()
    hosts.wait("the card is written")
    return card


def what_is_lacking(config: Config, out: pathlib.Path) -> str:
    """The part of a finished quickstart with this config that is missing or incomplete in `out`; "" if none is."""
    folder = RunFolder(out)
    try:
        model = bundle.load(folder.fetch("model"))
        for name in (record.CARD, MARKDOWN, REPORT, rows.FOLDER, content.FOLDER):
            if not folder.download(name).exists():
                return f"{folder.origin(name)} is missing"
        card, (title, report) = record.read(out), content.load_results(out)
        measured = from_dict(Config, report.details.get("config"))
        trained = from_dict(Config, model.provenance.get("config"))
    except UserError as error:
        return str(error)
    if bundle.hash_weights(model.image_tokenizer, model.params) != model.hash:
        return f"{out / 'model'}: its weights are not those that were written there"
    if (card.title, title, report.details["protocol"].get("model")) != (TITLE, TITLE, model.hash):
        return f"{out / record.CARD}: the card is not that of this model"
    if (version := card.identity["program"]["version"]) != __version__:
        return f"it was evaluated by version {version}, and this is {__version__}"
    if damaged := [part.name for part in card.parts if not part.has_its_rows]:
        return f"{out / rows.FOLDER}: the rows of {damaged[0]} are not those of the card"
    if changed := _changes(trained, config) or _changes(measured, config):
        return changed
    unmeasured = model_card.text(config, model)
    readme = out / "model" / model_card.FILE
    return (
        "" if readme.is_file() and readme.read_text(encoding="utf-8") != unmeasured else f"{readme} lacks the figures"
    )


def _changes(before: Config, now: Config) -> str:
    """The differing keys that affect figures, such as "eval.faces was 500, now 100"."""
    old, new = (flat_values(to_dict(config, without=(Role.FREE,))) for config in (before, now))
    keys = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    return ", ".join(f"{key} was {old.get(key)!r}, now {new.get(key)!r}" for key in keys)
