"""The model card of a trained model: README.md of its folder, in Hugging Face's format, with the facts of the run."""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax

from t2f_jax.bundle import Bundle
from t2f_jax.config.schema import Config
from t2f_jax.data.datasets import registry
from t2f_jax.io.files import write_text
from t2f_jax.report.render import measured, render_text

FILE = "README.md"
FIGURES = (  # what, its name on a result card, the baseline's name there, what the baseline is, the unit
    ("attributes, accuracy", "attribute_accuracy", "attribute_accuracy_majority", "the most frequent answer", "share"),
    ("age, mean absolute error", "age_mae", "age_mae_mean", "the mean age", "years"),
    (
        "requested attributes seen in generated faces",
        "requested_attributes_seen",
        "requested_attributes_shuffled",
        "another face's request",
        "share",
    ),
)


def write(config: Config, model: Bundle, folder: pathlib.Path, results: Mapping[str, Any] | None = None) -> None:
    """Writes the `text` of a model's card into its existing folder."""
    write_text(folder / FILE, text(config, model, results))


def text(config: Config, model: Bundle, results: Mapping[str, Any] | None = None) -> str:
    """The card of a model; `results` is its result card, if it was measured."""
    sources = [_source(config, name, counts) for name, counts in model.provenance.get("sources", {}).items()]
    return render_text(
        "model_card.md",
        name=config.name,
        facts=_facts(config, model),
        sources=sources,
        drawn=all(source["drawn"] for source in sources),
        parent=config.decoder.init_from,
        figures=_figures(results or {}),
        attributes=[{"name": attribute.name, "allowed": attribute.allowed()} for attribute in model.schema],
    )


def _facts(config: Config, model: Bundle) -> dict[str, str]:
    decoder, image, run = config.decoder.model, model.image_tokenizer.config, config.decoder.train
    count = sum(leaf.size for leaf in jax.tree.leaves((model.params, model.image_tokenizer.params)))
    return {
        "parameters": f"{count:,}, image tokenizer included",
        "decoder": f"{decoder.layers} layers of width {decoder.width}, {decoder.mask} mask",
        "faces": f"{image.resolution} x {image.resolution} pixels in {image.tokens} codes of {image.n_embed}",
        "words": f"{model.vocab.text_size:,} pieces",
        "training": f"{run.steps:,} steps of {run.batch_size} rows, seed {run.seed}",
        "made with": ", ".join(f"{name} {version}" for name, version in _versions(model).items()),
    }


def _figures(results: Mapping[str, Any]) -> list[dict[str, str]]:
    """The card's figures from a result card; empty if nothing was measured."""
    return [
        {"name": name, "value": measured(results[key], unit), "baseline": f"{measured(results[base], unit)} ({told})"}
        for name, key, base, told, unit in FIGURES
        if results.get(key) is not None
    ]


def _versions(model: Bundle) -> dict[str, Any]:
    versions: Any = model.provenance.get("versions", {})
    return {name: versions[name] for name in ("t2f_jax", "jax", "device") if name in versions}


def _source(config: Config, name: str, counts: dict[str, int]) -> dict[str, Any]:
    """The card's facts about a dataset of the mixture."""
    dataset = registry.find(config.data.sources[name].kind)
    return {
        "title": dataset.title,
        "kind": dataset.kind,
        "drawn": dataset.drawn,
        "licence": dataset.licence.rstrip("."),
        "citation": dataset.citation.rstrip("."),
        "counts": ", ".join(f"{count:,} {split} faces" for split, count in counts.items()),
    }
