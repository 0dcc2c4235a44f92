"""A table of the paper with our row in it: each setting measured where its data lies, and what is missing where not.

OUT/table.md, OUT/table.json    the table, see `table_text`
OUT/<setting>/                  the evaluation of each setting that was measured, see `evaluation.publish`
"""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from t2f_jax import __version__, bundle
from t2f_jax.config.schema import Config, SourceConfig
from t2f_jax.config.typed import from_dict
from t2f_jax.data.datasets import registry
from t2f_jax.distributed import hosts
from t2f_jax.errors import UserError, naming
from t2f_jax.evaluation import suite
from t2f_jax.evaluation.figure import Figure
from t2f_jax.evaluation.publish import publish
from t2f_jax.evaluation.resources import measure_usage
from t2f_jax.evaluation.result import Evaluation
from t2f_jax.experiments.tables import Column, Setting, Table
from t2f_jax.io.files import defined, parse_json, read_json, to_json, write_json

DONE = "reproduced.json"  # in a setting's folder: our figures, and what decided them


class Ours(TypedDict):
    """Our row of a setting: its figures by column (`Figure.to_dict`), or why there is none."""

    figures: dict[str, dict[str, Any]]
    partition: str
    missing: str  # empty where the setting was measured


def reproduce(
    table: Table,
    model_folder: pathlib.Path,
    out: pathlib.Path,
    folders: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
    networks: Sequence[pathlib.Path] = (),
    meteor: pathlib.Path | None = None,
) -> dict[str, Ours]:
    """Measures a model in each setting of a table whose data is there. Every process of a job must call this.

    Settings that an earlier call measured with the same model, overrides and files are not measured again.

    Args:
      model_folder: what `train` wrote.
      folders: {kind of dataset: its folder}; others are looked for in $T2F_DATA.
      overrides: `key=value` for the model's config, such as `eval.faces=100`.
      networks, meteor: users' files, see `evaluation.instruments.open_instruments`: without FID's Inception there is
        no FID, without METEOR's .jar no METEOR.

    Returns:
      {setting: our row}; empty in all but the first process of a job.

    Raises:
      UserError: no model in the folder, a kind of dataset that the table does not read, a wrong override.
    """
    folders = dict(folders or {})
    kinds = sorted({setting.kind for setting in table.settings})
    for kind in folders:
        if kind not in kinds:
            raise UserError(f"--data {kind}: table '{table.name}' reads {', '.join(kinds)}")
    hosts.join()
    model = bundle.load(model_folder)
    with naming(model_folder / "provenance.json"):
        trained = from_dict(Config, model.provenance.get("config", {}))
    given = {"networks": networks, "meteor": meteor}
    used = [f"{path.name} {path.stat().st_size}" for path in (*networks, *([meteor] if meteor else []))]
    key = {"model": model.hash, "program": __version__, "overrides": [*overrides], "files": used}
    rows: dict[str, Ours] = {}
    for setting in table.settings:
        source = SourceConfig(kind=setting.kind, folder=folders.get(setting.kind, ""))
        try:
            source = dataclasses.replace(source, partition=_partition(setting, trained))
            _check_there(source)
            registry.open_source(source, setting.kind)
        except UserError as error:
            rows[setting.name] = {"figures": {}, "partition": source.partition, "missing": str(error)}
            continue
        done = out / setting.name / DONE
        row = _kept(done, key | {"source": dataclasses.asdict(source)})
        row = row or _measure(setting, source, model_folder, out / setting.name, overrides, given)
        if hosts.first():
            write_json(done, {"key": key | {"source": dataclasses.asdict(source)}, "row": row})
        rows[setting.name] = row
    return rows if hosts.first() else {}


def _check_there(source: SourceConfig) -> None:
    """Raises UserError, with the way to get it, if no folder is given and the dataset is not in $T2F_DATA."""
    dataset = registry.find(source.kind)
    if not source.folder and registry.place(dataset) is None:
        raise UserError(
            f"{dataset.folder} is not there; give --data {source.kind}:DIR, or set T2F_DATA to the folder that holds"
            f" {dataset.folder}/. How to get it: {dataset.obtain}"
        )


def _partition(setting: Setting, trained: Config) -> str:
    """The partition that the model is measured on. Raises UserError if its training faces may be among the test faces.

    Args:
      trained: the config that the model was trained with.
    """
    known = {s.partition for s in trained.data.sources.values() if s.kind == setting.kind and s.weight > 0}
    if not known:
        return setting.partitions[0]
    if len(known) == 1 and known <= {*setting.partitions}:
        return known.pop()
    told = ", ".join(sorted(name or "the dataset's own rule" for name in known))
    raise UserError(
        f"the model learned from {setting.kind} by another partition ({told}), so its training faces may be among the"
        f" test faces; train with data.sources.<name>.partition={setting.partitions[0]}"
    )


def _kept(path: pathlib.Path, key: Mapping[str, Any]) -> Ours | None:
    """The row that an earlier call left, if it was measured alike; the first process decides for all."""
    text = b""
    if hosts.first() and path.is_file():
        kept = read_json(path, "our row of a table")
        if isinstance(kept, dict) and kept.get("key") == parse_json(to_json(key).encode()):
            text = to_json(kept["row"]).encode()
    text = hosts.gather(text, f"{path.parent.name}: what is done")[0]
    return parse_json(text) if text else None


def _measure(
    setting: Setting,
    source: SourceConfig,
    model_folder: pathlib.Path,
    out: pathlib.Path,
    overrides: Sequence[str],
    files: Mapping[str, Any],
) -> Ours:
    given = [f"data.sources.{source.kind}.partition={source.partition}", *overrides]
    place = f"{source.kind}:{source.folder}" if source.folder else source.kind
    with measure_usage() as usage:
        evaluation = suite.evaluate(model_folder, out, given, data=[place], split=setting.split, **files)
    figures: dict[str, dict[str, Any]] = {}
    if evaluation is not None:
        publish(out, f"t2f_jax: {setting.title}", evaluation, usage)
        found = {column.metric: _figure(column, evaluation) for column in setting.columns}
        figures = {metric: defined(figure.to_dict()) for metric, figure in found.items() if figure}
    return {"figures": figures, "partition": source.partition, "missing": ""}


def _figure(column: Column, evaluation: Evaluation) -> Figure | None:
    return next((found for part in evaluation.parts if (found := part.figure(column.figure))), None)
