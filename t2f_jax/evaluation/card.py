"""The result card of a run: `card.json`."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def card(
    sources: Mapping[str, Mapping[str, Any]],
    seconds: float,
    peak_memory_bytes: int,
    protocol: Mapping[str, Any],
) -> dict[str, Any]:
    """The result card of a run: `card.json`.

    Args:
      sources: per dataset {"attributes": of `attributes`, "requests": figures of `requests`, "reconstruction": of
        `reconstruction`, "judge_accuracy": share, or the judge's shares per attribute}; each may be missing.
      protocol: how it was measured: split, faces, seeds, sampler, versions.

    Returns:
      The figures of `headline`, null where nothing measured them, each from the first source that has it
      (`figures_from` names it), `seconds` and `peak_memory_bytes`; the protocol; every figure of every source under
      "sources" (without the age scatter's pairs).
    """
    result: dict[str, Any] = dict.fromkeys(headline({}))
    result |= {"seconds": float(seconds), "peak_memory_bytes": int(peak_memory_bytes)}
    result |= {"figures_from": {}, "protocol": dict(protocol), "sources": {}}
    for name, source in sources.items():
        for key, value in headline(source).items():
            if result[key] is None and value is not None:
                result[key] = value
                result["figures_from"][key] = name
        result["sources"][name] = _without_pairs(source)
    return result


def headline(source: Mapping[str, Any]) -> dict[str, float | None]:
    """The card's figures of one source (see `card`), None where it has none."""
    found = source.get("attributes") or {}
    mean, age = found.get("mean") or {}, found.get("numbers", {}).get("age") or {}
    requested, judge = source.get("requests") or {}, source.get("judge_accuracy")
    if isinstance(judge, Mapping):  # shares per attribute; a number's error is no share
        numbers = {"age", *found.get("numbers", ()), *requested.get("numbers", ())}
        shares = [share for name, share in judge.items() if name not in numbers]
        judge = float(np.mean(shares)) if shares else None
    return {
        "attribute_accuracy": mean.get("accuracy"),
        "attribute_accuracy_majority": mean.get("majority_accuracy"),
        "age_mae": age.get("mae"),
        "age_mae_mean": age.get("mae_training_mean"),
        "requested_attributes_seen": requested.get("requested_attributes_seen"),
        "requested_attributes_shuffled": requested.get("requested_attributes_shuffled"),
        "judge_accuracy": judge,
    }


def _without_pairs(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_pairs(v) for k, v in value.items() if k != "pairs"}
    return value
