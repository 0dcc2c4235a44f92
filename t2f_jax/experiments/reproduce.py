"""A table of the paper with our row: measures each setting whose data is present, and says what the others lack.

OUT/table.md, OUT/table.json    the table, see `table_text`
OUT/<setting>/                  the evaluation of each measured setting, see `evaluation.publish`
"""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from t2f_jax import __version__, bundle
from t2f_jax.config import loader
from t2f_jax.config.schema import Config, DataConfig, SourceConfig
from t2f_jax.config.typed import from_dict
from t2f_jax.data.datasets import age_benchmark, registry
from t2f_jax.distributed import hosts
from t2f_jax.errors import UserError, naming
from t2f_jax.evaluation import suite
from t2f_jax.evaluation.figure import Figure
from t2f_jax.evaluation.publish import publish
from t2f_jax.evaluation.resources import measure_usage
from t2f_jax.evaluation.result import Evaluation
from t2f_jax.experiments.tables import Column, Setting, Table
from t2f_jax.io.files import defined, parse_json, read_json, to_json, write_json

_SOURCES = "data.sources."
DONE = "reproduced.json"  # in a setting's folder: our figures, and what determines them


class Ours(TypedDict):
    """Our row of a setting: its figures by column (`Figure.to_dict`), or the reason why there is none."""

    figures: dict[str, dict[str, Any]]
    partition: str
    missing: str  # empty if the setting was measured


def reproduce(
    table: Table,
    model_folder: pathlib.Path,
    out: pathlib.Path,
    folders: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
    networks: Sequence[pathlib.Path] = (),
    meteor: pathlib.Path | None = None,
) -> dict[str, Ours]:
    """Measures a model in each setting of a table whose data is present. Every process of a job must call this.

    Settings that an earlier call measured with the same model, overrides and files are not measured again. Faces are
    generated if a column is about them.

    Args:
      model_folder: written by `train`.
      folders: {kind of dataset: its folder}; others are searched for in $T2F_DATA.
      overrides: `key=value` for the model's config, such as `eval.faces=100`; those of a source, named by its kind,
        such as `data.sources.face2text.celeba=DIR`, apply only to its settings.
      networks, meteor: users' files, see `evaluation.instruments.open_instruments`: without FID's Inception there is
        no FID, without METEOR's .jar no METEOR.

    Returns:
      {setting: our row}; {} except in the first process of a job.

    Raises:
      UserError: no model in the folder, a kind of dataset that the table does not use, a missing folder, or a wrong
        override.
    """
    folders = dict(folders or {})
    _check_given(table, folders, overrides)
    hosts.join()
    model = bundle.load(model_folder)
    with naming(model_folder / "provenance.json"):
        trained = from_dict(Config, model.provenance.get("config", {}))
    given = {"networks": networks, "meteor": meteor}
    here = {"network": bool(networks), "meteor": meteor is not None}
    used = [f"{path.name} {path.stat().st_size}" for path in (*networks, *([meteor] if meteor else []))]
    key = {"model": model.hash, "program": __version__, "overrides": [*overrides], "files": used}
    rows: dict[str, Ours] = {}
    for setting in table.settings:
        source = SourceConfig(kind=setting.kind, folder=folders.get(setting.kind, ""))
        ours = [text for text in overrides if _kind_of(text) in ("", setting.kind)]
        lacking = _files_lacking(setting, here)
        try:
            source = _changed(source, ours)
            source = dataclasses.replace(source, partition=_partition(setting, trained, source.partition))
            _check_there(source)
            registry.open_source(source, setting.kind)
        except UserError as error:
            lacking.insert(0, str(error).rstrip("."))
        if lacking:
            rows[setting.name] = {"figures": {}, "partition": source.partition, "missing": ". ".join(lacking)}
            continue
        done = out / setting.name / DONE
        row = _kept(done, key | {"source": dataclasses.asdict(source)})
        row = row or _measure(setting, source, model_folder, out / setting.name, ours, given)
        if hosts.first():
            write_json(done, {"key": key | {"source": dataclasses.asdict(source)}, "row": row})
        rows[setting.name] = row
    return rows if hosts.first() else {}


def _check_given(table: Table, folders: Mapping[str, str], overrides: Sequence[str]) -> None:
    """Raises UserError if a folder or an override is for data that the table does not use, or a folder is missing."""
    kinds = sorted({setting.kind for setting in table.settings})
    for kind, folder in folders.items():
        if kind not in kinds:
            raise UserError(f"--data {kind}: table '{table.name}' reads {', '.join(kinds)}")
        if not pathlib.Path(folder).expanduser().is_dir():
            raise UserError(f"--data {kind}:{folder}: no such folder; give that of {registry.find(kind).title}")
    for text in overrides:
        if _kind_of(text) not in ("", *kinds):
            raise UserError(f"{text}: table '{table.name}' has the sources {', '.join(kinds)}")


def _kind_of(override: str) -> str:
    """The source of an override, which is named by its kind; empty if it is about none."""
    return override.removeprefix(_SOURCES).partition(".")[0] if override.startswith(_SOURCES) else ""


def _changed(source: SourceConfig, overrides: Sequence[str]) -> SourceConfig:
    """A source with those of `overrides` that are about it. Raises UserError for a wrong one."""
    values = loader.to_config_dict(Config(data=DataConfig(sources={source.kind: source})))
    loader.override(values, [text for text in overrides if _kind_of(text)])
    return loader.narrow(values).data.sources[source.kind]


def _files_lacking(setting: Setting, here: Mapping[str, bool]) -> list[str]:
    """What each column lacks, if none of a setting's columns can be measured without a missing file; else []."""
    if not all(column.needs and not here.get(column.needs) for column in setting.columns):
        return []
    return [f"{column.metric}: {column.without}" for column in setting.columns]


def _check_there(source: SourceConfig) -> None:
    """Raises UserError, which says how to get it, if no folder is given and the dataset is not in $T2F_DATA."""
    dataset = registry.find(source.kind)
    if source.folder or registry.place(dataset) is not None:
        return
    told = f" Its partition {source.partition} comes from {age_benchmark.SITE}." if source.partition else ""
    raise UserError(
        f"{dataset.folder} is not there; give --data {source.kind}:DIR, or set T2F_DATA to the folder that holds"
        f" {dataset.folder}/. How to get it: {dataset.obtain}{told}"
    )


def _partition(setting: Setting, trained: Config, asked: str) -> str:
    """The partition that the model is measured on. Raises UserError if it may contain training faces as test faces.

    Args:
      trained: the config that the model was trained with.
      asked: the partition named by an override; empty if none is.
    """
    known = {s.partition for s in trained.data.sources.values() if s.kind == setting.kind and s.weight > 0}
    if not known and asked in ("", *setting.partitions):
        return asked or setting.partitions[0]
    if not known:
        raise UserError(f"this table's partitions of {setting.kind} are {', '.join(setting.partitions)}, not {asked}")
    if len(known) == 1 and known <= {*setting.partitions} and {asked} <= {"", *known}:
        return known.pop()
    told = ", ".join(sorted(name or "the dataset's own rule" for name in known))
    raise UserError(
        f"the model learned from {setting.kind} by another partition ({told}), so its training faces may be among the"
        f" test faces; train with data.sources.<name>.partition={setting.partitions[0]}"
    )


def _kept(path: pathlib.Path, key: Mapping[str, Any]) -> Ours | None:
    """The row stored by an earlier call, if measured in the same way; the first process decides for all."""
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
    given = [] if setting.draws else ["eval.generated=0"]
    given += [*overrides, f"{_SOURCES}{source.kind}.partition={source.partition}"]
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
