"""What the sequences of a config look like: how long, how much of it is scored, who sees whom. Needs no prepared store.

Examples are written as training writes them, of the sources' real labels where their folder is there, and of labels
drawn at random where it is not; words become ids by the config's tokenizer, or count one each where there is none.
Axis legend: R rows, L length, n codes of an image.
"""

import dataclasses
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from t2f_jax.config.schema import Config, DecoderConfig
from t2f_jax.data.datasets import registry
from t2f_jax.data.examples import Writer
from t2f_jax.data.mixture import Mixture
from t2f_jax.errors import UserError
from t2f_jax.models import flops
from t2f_jax.tokens import packing, sequence, text_tokenizer
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.vocab import ORIGINAL_SPECIAL, ORIGINAL_TEXT_SIZE, Vocab

PAIRS = 1024  # of the sample


@dataclasses.dataclass(frozen=True)
class Workload:
    """Means over a sample of training rows.

    Attributes:
      vocab: the joint vocabulary.
      pairs: pairs (an image with one target) of a row.
      row_ids: L.
      ids, targets, seen: a pair's ids, scored places, and (query, key) places that see one another.
      padding_fraction: share of a row's places that hold no id.
      row_targets: scored places of each row of the sample, int [R].
      told: where labels and words came from, for people.
    """

    vocab: Vocab
    pairs: int
    row_ids: int
    ids: float
    targets: float
    seen: float
    padding_fraction: float
    row_targets: np.ndarray
    told: str

    def training_flops(self, model: DecoderConfig) -> float:
        """Model FLOPs of a pair's part of a training step."""
        return flops.training(model, self.vocab.size, self.ids, self.targets, self.seen)


class Words:
    """Stands for a text tokenizer that is not there: a word or a sign is one id."""

    def encode(self, text: str) -> list[int]:
        """One id (all alike) for each word or sign."""
        return [4] * len(re.findall(r"\w+|[^\w\s]", text))


class _Faces:
    """What `Writer` asks of a store, of sources that are not encoded."""

    def __init__(self, config: Config):
        chosen = registry.weighted(config.data.sources)
        self.codes_per_image, self.sources = config.image.model.tokens, list(chosen)
        self.weights = [s.weight for s in chosen.values()]
        self.invented: list[str] = []
        self._schemas = {name: registry.find(s.kind).schema for name, s in chosen.items()}
        self._fields: dict[str, Any] = {}
        for name, source in chosen.items():
            try:
                opened = registry.open_source(source, name, config.data.seed)
                self._fields[name] = _Labels(opened, opened.split("train"))
            except UserError:
                self.invented.append(name)
                self._fields[name] = _Invented(self._schemas[name])

    def schema(self, source: str) -> tuple[Attribute, ...]:
        return self._schemas[source]

    def codes(self, source: str, split: str) -> np.ndarray:
        return np.broadcast_to(np.int32(0), (len(self._fields[source]), 1, self.codes_per_image))

    def fields(self, source: str, split: str) -> Any:
        return self._fields[source]


class _Labels:
    def __init__(self, source: Any, indices: Sequence[int]):
        self._source, self._indices = source, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return self._source.fields(self._indices[i])


class _Invented:
    """Labels drawn at random, all values alike."""

    def __init__(self, schema: tuple[Attribute, ...]):
        self._schema = schema

    def __len__(self) -> int:
        return 10_000

    def __getitem__(self, i: int) -> dict[str, Any]:
        rng = np.random.default_rng(i)
        draw = lambda a: int(rng.integers(a.low, a.high + 1)) if a.is_number else a.values[rng.integers(len(a.values))]  # noqa: E731
        return {"attributes": {a.name: draw(a) for a in self._schema}, "captions": []}


def sample(config: Config, plain: bool = False) -> Workload:
    """A sample of the rows that `config.decoder` trains on; `plain`: one pair a row, padded to `sequence_length`."""
    run = dataclasses.replace(config.decoder, pack=1, row_length=0) if plain else config.decoder
    faces = _Faces(config)
    tok, vocab, words = _tokenizer(config)
    store: Any = faces
    phrases = {name: registry.find(config.data.sources[name].kind).caption_phrases() for name in faces.sources}
    writer = Writer(store, vocab, tok, run, phrases)
    mixture = Mixture([len(faces.codes(n, "train")) for n in faces.sources], faces.weights, 0)
    examples = []
    rows = PAIRS // run.pack
    for number in range(rows * run.pack):
        source, i = mixture.locate(number)
        examples.append(writer.example(faces.sources[source], "train", i, np.random.default_rng((0, number))))
    batch = packing.pack(examples, rows, run.row_ids, run.loss_span, run.model.image_position)
    invented = f"labels of {', '.join(faces.invented)} drawn at random; " if faces.invented else ""
    pairs = len(examples)
    return Workload(
        vocab,
        run.pack,
        run.row_ids,
        float((batch["segments"] > 0).sum() / pairs),
        float((batch["weights"] > 0).sum() / pairs),
        _seen(batch, run.model.mask) / pairs,
        float((batch["segments"] == 0).mean()),
        (batch["weights"] > 0).sum(1),
        f"{pairs} pairs; {invented}{words}",
    )


def _tokenizer(config: Config) -> tuple[sequence.Encoder, Vocab, str]:
    image = config.image.model.n_embed
    file = pathlib.Path(config.text.vocab_file)
    if config.text.kind == "wordpiece" and config.text.vocab_file and file.is_file():
        tok = text_tokenizer.WordPiece.load(file)
        return tok, text_tokenizer.vocab(tok, image), f"words as ids of {file.name}"
    if config.text.kind == "wordpiece":
        return Words(), Vocab(ORIGINAL_TEXT_SIZE, image, *ORIGINAL_SPECIAL), "every word or sign counted as one id"
    return Words(), Vocab(config.text.vocab_size, image), "every word or sign counted as one id"


def _seen(batch: sequence.Batch, mask: str) -> float:
    """(query, key) places of all examples that see one another, pads left out."""
    segments, documents = batch["segments"], batch["documents"]  # type: ignore[typeddict-item]  # packed
    key = (np.arange(len(segments))[:, None] * 4096 + documents) * 4096 + segments
    runs, lengths = np.unique(key[segments > 0], return_counts=True)
    segment, owner = runs % 4096, runs // 4096
    is_prefix = segment == 1
    prefix = dict(zip(owner[is_prefix], lengths[is_prefix]))
    total = 0.0
    for who, n, first in zip(owner, lengths, is_prefix):
        triangle = n * (n + 1) / 2
        total += (triangle if mask == "causal" else n * n) if first else n * prefix.get(who, 0) + triangle
    return total
