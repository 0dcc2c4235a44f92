"""A card as markdown, with the model-index block that Hugging Face reads.

Source: https://github.com/huggingface/hub-docs/blob/main/modelcard.md (model-index).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from t2f_jax.evaluation.cards.record import PartRecord
from t2f_jax.report.render import interval, measured
from t2f_jax.report.slices import is_main

# The task of a figure, by the beginning of its name: Hugging Face's task, and a readable name.
TASKS = {
    "attributes": ("image-classification", "Age and attributes of faces"),
    "captions": ("image-to-text", "Captions of faces"),
    "reconstruction": ("image-to-image", "Reconstruction by the image tokenizer"),
    "tokenizer": ("image-to-image", "Reconstruction by the image tokenizer"),
}
DRAWING = ("text-to-image", "Faces from text")  # of all other figures

Figures = Sequence[Mapping[str, Any]]


def write(title: str, identity: Mapping[str, Any], parts: Sequence[PartRecord]) -> str:
    """The whole file: the block, and tables of the main figures; the others are folded."""
    name = identity["model"].get("name") or title
    block = yaml.safe_dump({"model-index": [model_index(name, parts)]}, sort_keys=False, allow_unicode=True, width=1000)
    body = [f"# {title}", _facts(identity), *(_part(part) for part in parts)]
    return f"---\n{block}---\n\n" + "\n\n".join(body) + "\n"


def model_index(name: str, parts: Sequence[PartRecord]) -> dict[str, Any]:
    """One model of a model-index, as plain values: the main figures of each part and task."""
    results = []
    for part in parts:
        by_task: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for figure in filter(is_main, part["figures"]):
            by_task.setdefault(TASKS.get(figure["name"].partition("/")[0], DRAWING), []).append(figure)
        results += [
            {"task": {"type": kind, "name": task}, "dataset": _dataset(part), "metrics": [_metric(f) for f in figures]}
            for (kind, task), figures in by_task.items()
        ]
    return {"name": name, "results": results}


def _dataset(part: PartRecord) -> dict[str, Any]:
    given = part["protocol"]
    values = {
        "name": given.get("title") or part["source"],
        "type": given.get("dataset"),
        "config": given.get("partition") or "default",
        "split": given.get("split"),
        "revision": given.get("data"),  # keeps results apart that differ only in their data
    }
    return {key: value for key, value in values.items() if value}


def _metric(figure: Mapping[str, Any]) -> dict[str, Any]:
    args = {key: figure[key] for key in ("n", "unit", "interval", "protocol", "id") if figure.get(key)}
    return {
        "type": figure["name"].rpartition("/")[2],
        "name": figure["name"].replace("/", ", ").replace("_", " "),
        "value": figure["value"],
        "args": args,
    }


def _facts(identity: Mapping[str, Any]) -> str:
    rows = [
        (key, ", ".join(f"{k} {v}" for k, v in value.items()))
        for key, value in identity.items()
        if isinstance(value, Mapping)
    ]
    rows += [(key, str(value)) for key, value in identity.items() if not isinstance(value, Mapping)]
    return _table(("", ""), rows)


def _part(part: PartRecord) -> str:
    main = [figure for figure in part["figures"] if is_main(figure)]
    others = [figure for figure in part["figures"] if not is_main(figure)]
    given = ", ".join(
        f"{key} {value}"
        for key, value in part["protocol"].items()
        if isinstance(value, (str, int, float)) and value != ""
    )
    texts = [
        f"## {part['source']}: {part['n']} {part['examples']}",
        f"Protocol `{part['protocol_id']}`: {given}.",
    ]
    if not part["figures"]:
        texts.append("No figure: no judge and no network looked at these examples, or there are too few of them.")
    texts += [_figures(main)] if main else []
    texts += [_slices(figure, part["slices"][figure["name"]]) for figure in main if figure["name"] in part["slices"]]
    if others:
        texts.append(f"<details><summary>more figures: {len(others)}</summary>\n\n{_figures(others)}\n\n</details>")
    return "\n\n".join(texts)


def _figures(figures: Figures) -> str:
    head = ("figure", "value", "95% interval", "over", "n", "protocol")
    arrows = {"higher": " ↑", "lower": " ↓", "": ""}
    rows = [
        (
            f["name"] + arrows[f["better"]],
            measured(f["value"], f["unit"]),
            interval(f["interval"], f["unit"]),
            f["interval_over"] or "–",
            str(f["n"]),
            f"`{f['protocol']}`",
        )
        for f in figures
    ]
    return _table(head, rows)


def _slices(figure: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    unit = figure["unit"]
    rows = [
        (attribute, row["group"], str(row["n"]), measured(row["value"], unit), interval(row["interval"], unit))
        for attribute, found in groups.items()
        for row in found
    ]
    return f"{figure['name']} by group of faces:\n\n" + _table(("", "group", "n", "value", "95% interval"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines
    )
