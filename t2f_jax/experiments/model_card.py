"""The model card of a trained model: README.md of its folder, as Hugging Face reads it, with the run's facts."""

import pathlib
from typing import Any

import jax

from t2f_jax.bundle import Bundle
from t2f_jax.config.schema import Config
from t2f_jax.data.datasets import registry
from t2f_jax.io.files import write_text
from t2f_jax.report.render import render_text

FILE = "README.md"


def write(config: Config, model: Bundle, folder: pathlib.Path) -> None:
    """Writes the card of a model into its folder, which is there."""
    sources = [_source(config, name, counts) for name, counts in model.provenance.get("sources", {}).items()]
    card = render_text(
        "model_card.md",
        name=config.name,
        facts=_facts(config, model),
        sources=sources,
        drawn=all(source["drawn"] for source in sources),
        parent=config.decoder.init_from,
        attributes=[{"name": attribute.name, "allowed": attribute.allowed()} for attribute in model.schema],
    )
    write_text(folder / FILE, card)


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


def _versions(model: Bundle) -> dict[str, Any]:
    versions: Any = model.provenance.get("versions", {})
    return {name: versions[name] for name in ("t2f_jax", "jax", "device") if name in versions}


def _source(config: Config, name: str, counts: dict[str, int]) -> dict[str, Any]:
    """What is told of a dataset of the mixture."""
    dataset = registry.find(config.data.sources[name].kind)
    return {
        "title": dataset.title,
        "kind": dataset.kind,
        "drawn": dataset.drawn,
        "licence": dataset.licence.rstrip("."),
        "citation": dataset.citation.rstrip("."),
        "counts": ", ".join(f"{count:,} {split} faces" for split, count in counts.items()),
    }
