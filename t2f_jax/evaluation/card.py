"""The result card of a run: `card.json`."""

from collections.abc import Mapping
from typing import Any

from t2f_jax.evaluation.resources import Usage
from t2f_jax.report.content import SourceReport

HEADLINES = (
    "attribute_accuracy",
    "attribute_accuracy_majority",
    "age_mae",
    "age_mae_mean",
    "requested_attributes_seen",
    "requested_attributes_shuffled",
    "judge_accuracy",
)


def make_card(sources: list[SourceReport], usage: Usage, protocol: Mapping[str, Any]) -> dict[str, Any]:
    """The card as plain JSON.

    Args:
      protocol: how it was measured: split, faces, seeds, sampler, versions.

    Returns:
      The `HEADLINES`, each from the first source that has it ("figures_from" names it), null if none has; "seconds" and
      "peak_memory_bytes"; "protocol"; every figure of every source under "sources", without the pairs of
      the age scatter.
    """
    card: dict[str, Any] = dict.fromkeys(HEADLINES)
    card |= {"seconds": float(usage.seconds), "peak_memory_bytes": int(usage.peak_memory_bytes)}
    card |= {"figures_from": {}, "protocol": dict(protocol), "sources": {}}
    for source in sources:
        for key, value in headlines(source).items():
            if card[key] is None and value is not None:
                card[key] = value
                card["figures_from"][key] = source.name
        figures = {
            "attributes": source.attributes,
            "requests": source.requests,
            "reconstruction": source.reconstruction,
            "captions": source.caption_figures,
            "judge_accuracy": source.judge_accuracy,
        }
        card["sources"][source.name] = _without_pairs(figures)
    return card


def headlines(source: SourceReport) -> dict[str, float | None]:
    """The `HEADLINES` of one source, None for those that it lacks."""
    attributes, requests = source.attributes or {}, source.requests or {}
    mean, age = attributes.get("mean") or {}, attributes.get("numbers", {}).get("age") or {}
    values = (
        mean.get("accuracy"),
        mean.get("majority_accuracy"),
        age.get("mae"),
        age.get("mae_training_mean"),
        requests.get("requested_attributes_seen"),
        requests.get("requested_attributes_shuffled"),
        source.judge_accuracy,
    )
    return dict(zip(HEADLINES, values, strict=True))


def _without_pairs(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_pairs(v) for k, v in value.items() if k != "pairs"}
    return value
