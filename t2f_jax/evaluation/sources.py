"""Which data a model is evaluated on: its own sources or others, and which attributes it can be asked about."""

import copy
import dataclasses
import functools
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from t2f_jax.config.loader import narrow, override, source, to_config_dict
from t2f_jax.config.schema import Config
from t2f_jax.config.typed import from_dict
from t2f_jax.data.datasets import registry
from t2f_jax.data.datasets.base import SPLITS, Source, Split
from t2f_jax.errors import UserError, naming
from t2f_jax.inference.model import Model
from t2f_jax.tokens.attributes import Attribute, Fields

Part = Literal["train", "validation", "test", "all"]  # which faces of a source; all: the three splits together


def configure(model: Model, overrides: Sequence[str] = (), data: Sequence[str] = ()) -> Config:
    """The config that a model was trained with, changed.

    Args:
      overrides: `key=value` strings.
      data: other data in place of the model's own sources: kinds of datasets (`celeba`, which is in $T2F_DATA), a
        kind and its folder (`celeba:FOLDER`), or paths of own data (a table, shards, a folder). The sources are named
        after their kinds, own data after its last folder or file.

    Raises:
      UserError: a wrong override, data that is neither a kind nor a path, faces cropped or resized differently from
        the model's.
    """
    trained = model.provenance.get("config", {})
    with naming("the model's provenance.json"):
        config = from_dict(Config, trained)
    framing = {key: getattr(model.preprocess, key) for key in ("crop", "resize", "filter")}  # also of an imported model
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, **framing))
    if not trained:
        pixels = dataclasses.replace(config.data, image_size=model.image_size)
        image, decoder = dataclasses.replace(config.image, model=model.image_tokenizer.config), model.run_config
        config = dataclasses.replace(config, data=pixels, image=image, decoder=decoder)
    if data:
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, sources={}))
    values = to_config_dict(config)
    taken: set[str] = set()
    for text in data:
        kind, folder = _place(text)
        name = _name(pathlib.PurePath(folder).stem if kind == "own" else kind, taken)
        source(values, name, kind=kind, folder=folder)
    override(values, overrides)
    config = narrow(values)
    for key, value in framing.items():
        if getattr(config.data, key) != value:
            raise UserError(
                f"data.{key}={getattr(config.data, key)}: this model's faces are read with {key}={value}; leave"
                f" data.{key} away, or train a model with it (t2f train ... data.{key}={getattr(config.data, key)})"
            )
    return config


def _place(text: str) -> tuple[str, str]:
    """(kind, folder) of a value of `--data`; the folder is empty if the data is in $T2F_DATA."""
    kind, colon, folder = text.partition(":")
    if kind.lower() in registry.MODULES and (folder or not colon):
        return kind.lower(), folder
    if not kind or not (kind == "tfds" or pathlib.Path(text).expanduser().exists()):
        registry.find(text, "--data")  # raises, unless it is a kind
        raise UserError(f"--data {text}: no such file or folder, and no kind of dataset (t2f data list)")
    return "own", text


def _name(text: str, taken: set[str]) -> str:
    """A new name of a source, made from a text: letters, digits and _."""
    stem = re.sub(r"\W+", "_", text).strip("_") or "own"
    name = next(n for n in (stem, *(f"{stem}_{i}" for i in range(2, 10_000))) if n not in taken)
    taken.add(name)
    return name


def shared_schema(theirs: Iterable[Attribute], known: Iterable[Attribute]) -> tuple[Attribute, ...]:
    """The attributes of a source that a model can be asked about, with the values and numbers that both have.

    Attributes with fewer than two common values are left out. A source that the model was trained on keeps its schema.
    """
    by_name, shared = {a.name: a for a in known}, []
    for attribute in theirs:
        other = by_name.get(attribute.name)
        if other is None or other.is_number != attribute.is_number:
            continue
        if not attribute.is_number:
            if len(values := tuple(v for v in attribute.values if v in other.values)) > 1:
                shared.append(dataclasses.replace(attribute, values=values))
        elif (low := max(attribute.low, other.low)) < (high := min(attribute.high, other.high)):
            clipped = dataclasses.replace(attribute, low=low, high=high, ranges=())
            ranges = tuple(text for text in attribute.ranges if len(clipped.numbers(text)) > 1)
            shared.append(dataclasses.replace(clipped, ranges=ranges))
    return tuple(shared)


def known_fields(fields: Fields, schema: Sequence[Attribute]) -> Fields:
    """A face's captions, and those of its labels that belong to a schema."""
    labels = {a.name: v for a in schema if (v := fields["attributes"].get(a.name)) is not None and _fits(a, v)}
    if len(labels) == len(fields["attributes"]):
        return fields
    return {"attributes": labels, "captions": fields["captions"]}


def _fits(attribute: Attribute, value: str | int) -> bool:
    return bool(attribute.numbers(value)) if attribute.is_number else value in attribute.values


def with_all_faces(source: Source) -> Source:
    """A source whose test split is all of its faces: for data used only for evaluation."""
    whole = copy.copy(source)
    whole.split = functools.partial(_split_of_all, source)
    return whole


def with_some_training_faces(source: Source, count: int, seed: int) -> Source:
    """A source whose training split is `count` random faces of it; all if it has fewer."""
    every = source.split("train")
    if len(every) <= count:
        return source
    fewer = copy.copy(source)
    chosen = np.random.default_rng(seed).choice(len(every), count, replace=False)
    fewer.split = functools.partial(_split_of_some, source, sorted(every[i] for i in chosen))
    return fewer


def _split_of_some(source: Source, training: list[int], split: Split) -> list[int]:
    return training if split == "train" else source.split(split)


def _split_of_all(source: Source, split: Split) -> list[int]:
    if split != "test":
        return source.split(split)
    return sorted(i for one in SPLITS for i in source.split(one))
