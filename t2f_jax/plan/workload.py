"""Lengths of a config's sequences, their scored positions, and pairs in attention. Needs no prepared store.

Examples are written as in training: from the sources' real labels if their folders exist, else from random labels.
Words become ids by the config's tokenizer; without one every word counts as one id.
Axis legend: R rows, L length, n codes of an image.
"""

import dataclasses
import os
import pathlib
import re
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from t2f_jax.config.schema import Config, DecoderConfig
from t2f_jax.data.datasets import registry
from t2f_jax.data.datasets.base import Source
from t2f_jax.data.examples import Writer
from t2f_jax.data.mixture import Mixture
from t2f_jax.errors import UserError
from t2f_jax.models import flops
from t2f_jax.tokens import packing, sequence, text_tokenizer
from t2f_jax.tokens.attributes import Attribute, Fields
from t2f_jax.tokens.vocab import ORIGINAL_SPECIAL, ORIGINAL_TEXT_SIZE, Vocab

PAIRS = 1024  # pairs in the sample
INVENTED_FACES = 10_000  # assumed number of faces of a source without its folder


@dataclasses.dataclass(frozen=True)
class Workload:
    """Statistics of a sample of training rows; a pair is an image with one target.

    Attributes:
      vocab: the joint vocabulary.
      pairs: per row.
      row_ids: L.
      ids: of a pair, a mean.
      targets: scored positions of a pair, a mean.
      seen: unmasked (query, key) positions of a pair, a mean.
      padding_fraction: share of a row's positions without an id.
      row_targets: scored positions of each row of the sample, int [R].
      summary: the source of labels and words, for display.
    """

    vocab: Vocab
    pairs: int
    row_ids: int
    ids: float
    targets: float
    seen: float
    padding_fraction: float
    row_targets: np.ndarray
    summary: str

    def training_flops(self, model: DecoderConfig) -> float:
        """Model FLOPs of a training step per pair, see `models.flops`."""
        return flops.training(model, self.vocab.size, self.ids, self.targets, self.seen)


class WordCounter:
    """Replaces a missing text tokenizer: every word or punctuation mark is one id."""

    def encode(self, text: str) -> list[int]:
        """One id for each word or punctuation mark, always the same id."""
        return [4] * len(re.findall(r"\w+|[^\w\s]", text))


class _Labels(Protocol):
    """Fields of faces by index."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> Fields: ...


class _Faces:
    """What `Writer` needs from a store, for sources that are not encoded."""

    def __init__(self, config: Config):
        chosen = registry.weighted(config.data.sources)
        self.codes_per_image, self.sources = config.image.model.tokens, list(chosen)
        self.weights = [s.weight for s in chosen.values()]
        self.invented: list[str] = []
        self._schemas = {name: registry.schema(s, name) for name, s in chosen.items()}
        self._fields: dict[str, _Labels] = {}
        for name, source in chosen.items():
            try:
                opened = registry.open_source(source, name, config.data.seed)
                self._fields[name] = _SourceLabels(opened, opened.split("train"))
            except UserError:
                self.invented.append(name)
                self._fields[name] = _InventedLabels(self._schemas[name])

    def schema(self, source: str) -> tuple[Attribute, ...]:
        return self._schemas[source]

    def codes(self, source: str, split: str) -> np.ndarray:
        return np.broadcast_to(np.int32(0), (len(self._fields[source]), 1, self.codes_per_image))

    def fields(self, source: str, split: str) -> _Labels:
        return self._fields[source]


class _SourceLabels:
    def __init__(self, source: Source, indices: Sequence[int]):
        self._source, self._indices = source, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, i: int) -> Fields:
        return self._source.fields(self._indices[i])


class _InventedLabels:
    """Random labels, with all values equally frequent."""

    def __init__(self, schema: tuple[Attribute, ...]):
        self._schema = schema

    def __len__(self) -> int:
        return INVENTED_FACES

    def __getitem__(self, i: int) -> Fields:
        rng = np.random.default_rng(i)
        return {"attributes": {a.name: _draw(a, rng) for a in self._schema}, "captions": []}


def _draw(a: Attribute, rng: np.random.Generator) -> int | str:
    return int(rng.integers(a.low, a.high + 1)) if a.is_number else a.values[rng.integers(len(a.values))]


def sample(config: Config, plain: bool = False) -> Workload:
    """A sample of the rows that `config.decoder` trains on; `plain`: one pair per row, padded to `sequence_length`."""
    run = dataclasses.replace(config.decoder, pack=1, row_length=0) if plain else config.decoder
    faces = _Faces(config)
    tok, vocab, words = _tokenizer(config)
    store: Any = faces  # not a `Store`, but sufficient here
    phrases = {name: registry.find(config.data.sources[name].kind).caption_phrases() for name in faces.sources}
    writer = Writer(store, vocab, tok, run, phrases)
    mixture = Mixture([len(faces.codes(n, "train")) for n in faces.sources], faces.weights, 0)
    examples = []
    rows = PAIRS // run.pack
    for number in range(rows * run.pack):
        source, i = mixture.locate(number)
        examples.append(writer.example(faces.sources[source], "train", i, np.random.default_rng((0, number))))
    batch = packing.pack(examples, rows, run.row_ids, run.loss_span, run.model.image_position)
    invented = f"labels of {', '.join(faces.invented)} sampled at random; " if faces.invented else ""
    pairs = len(examples)
    return Workload(
        vocab=vocab,
        pairs=run.pack,
        row_ids=run.row_ids,
        ids=float((batch["segments"] > 0).sum() / pairs),
        targets=float((batch["weights"] > 0).sum() / pairs),
        seen=_seen(batch, run.model.mask) / pairs,
        padding_fraction=float((batch["segments"] == 0).mean()),
        row_targets=(batch["weights"] > 0).sum(1),
        summary=f"{pairs} pairs; {invented}{words}",
    )


def _tokenizer(config: Config) -> tuple[sequence.Encoder, Vocab, str]:
    """The text tokenizer, the joint vocabulary, and a text about how words were counted."""
    image = config.image.model.n_embed
    file = pathlib.Path(os.path.expanduser(config.text.vocab_file))
    if config.text.kind == "wordpiece" and config.text.vocab_file and file.is_file():
        tok = text_tokenizer.WordPiece.load(file)
        return tok, text_tokenizer.vocab(tok, image), f"words as ids of {file.name}"
    counted = "every word or sign counted as one id"
    if config.text.kind == "wordpiece":
        return WordCounter(), Vocab(ORIGINAL_TEXT_SIZE, image, *ORIGINAL_SPECIAL), counted
    return WordCounter(), Vocab(config.text.vocab_size, image), counted


def _seen(batch: sequence.Batch, mask: str) -> float:
    """Number of unmasked (query, key) positions of all examples, without pads: S of `models.flops`."""
    segments, documents = batch["segments"], batch["documents"]  # type: ignore[typeddict-item]  # packed
    # One number for each segment of each example; divided by 4096 it identifies the example.
    key = (np.arange(len(segments))[:, None] * 4096 + documents) * 4096 + segments
    runs, lengths = np.unique(key[segments > 0], return_counts=True)
    segment, owner = runs % 4096, runs // 4096
    is_prefix = segment == 1
    prefix = dict(zip(owner[is_prefix], lengths[is_prefix]))
    total = 0.0
    for example, n, in_prefix in zip(owner, lengths, is_prefix):
        triangle = n * (n + 1) / 2
        if in_prefix:
            total += triangle if mask == "causal" else n * n
        else:
            total += n * prefix.get(example, 0) + triangle
    return total
