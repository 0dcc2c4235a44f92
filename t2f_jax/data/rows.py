"""Rows of text and codes for the decoder: batch s is a pure function of (seed, s), so a run resumes from its step."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from t2f_jax.config.schema import DecoderRunConfig, SourceConfig
from t2f_jax.data import streams
from t2f_jax.data.datasets import registry
from t2f_jax.data.datasets.base import Split
from t2f_jax.data.examples import Writer
from t2f_jax.data.mixture import Mixture, by_size, held_out
from t2f_jax.data.pipeline import FOREVER, held_out_batches, rows_of, through_tf_data
from t2f_jax.data.processes import through_processes
from t2f_jax.data.store import Store
from t2f_jax.errors import UserError
from t2f_jax.tokens import packing, sequence
from t2f_jax.tokens.sequence import Batch, Example
from t2f_jax.tokens.vocab import Vocab


class Rows:
    """The rows that a decoder is trained on, and the held-out ones for evaluation during training.

    Args:
      config: `train` has the batch size B and the seed; tasks, lengths and packing are its own.
      sources: `data.sources` of the config; those of weight 0 are left out.
      local_rows: the rows of a batch that this process, one of several, makes; None: all. Packed rows are made in
        groups (`packing.GROUP`); a process makes the groups that contain rows of its own.

    Rows are made by Python code: in a thread of this process, or in `config.workers` processes, each of which gets a
    copy of this object.

    Raises:
      UserError: a source that the store does not have, or a configuration in which no row fits.
    """

    def __init__(
        self,
        store: Store,
        vocab: Vocab,
        tokenizer: sequence.Encoder,
        config: DecoderRunConfig,
        sources: Mapping[str, SourceConfig],
        local_rows: Sequence[int] | None = None,
    ):
        self._arguments = store, vocab, tokenizer, config, sources, local_rows
        chosen = registry.weighted(sources)
        absent = [name for name in chosen if name not in store.sources]
        if absent:
            raise UserError(
                f"{store.folder}: no source '{absent[0]}' in this store, which has {', '.join(store.sources)};"
                " run `t2f prepare` with this config"
            )
        self._store, self._config, self._local_rows = store, config, local_rows
        self._names = list(chosen)
        weights = [source.weight for source in chosen.values()]
        self._weights = by_size(weights, self._sizes("train"), config.source_temperature)
        phrases = {name: registry.find(source.kind).caption_phrases() for name, source in chosen.items()}
        self._writer = Writer(store, vocab, tokenizer, config, phrases)
        self._mixture = Mixture(self._sizes("train"), self._weights, config.train.seed)
        self._rows_of = rows_of(config.train.batch_size, local_rows)

    def __reduce__(self) -> tuple:
        """Pickles by its constructor's arguments."""
        return type(self), self._arguments

    def train(self, start: int = 0) -> Iterator[Batch]:
        """Endless batches of `sequence.assemble` (or `packing.pack`, if `config.pack` > 1) from step `start` on.

        Sources and tasks are mixed by their weights; text and views are drawn for each row.
        """
        self._store.read_ahead("train")
        workers = self._config.workers
        if workers:
            return through_processes(self.batch, start, FOREVER, workers)
        return through_tf_data(self.batch, start, FOREVER)

    def batch(self, step: int) -> Batch:
        """The training batch of a step."""
        return self._packed(step) if self._config.pack > 1 else self._single(step)

    def held_out(self, batches: int, split: Split = "validation") -> Iterator[Batch]:
        """At most `batches` batches of `sequence.assemble` with a mask, the same rows at every call.

        Sources have shares by their weights, no face occurs twice; the last batch is padded with rows of mask and
        loss weight 0.
        """
        config, batch_size = self._config, self._config.train.batch_size
        chosen = held_out(self._sizes(split), self._weights, batch_size * batches)

        def make(rows: list[int], mask: np.ndarray) -> Batch:
            examples = []
            for row in rows:
                source, i = chosen[row]
                rng = np.random.default_rng((1, row))
                examples.append(self._writer.example(self._names[source], split, i, rng))
            batch = sequence.assemble(examples, config.sequence_length, config.loss_span, config.model.image_position)
            batch["weights"] *= mask[:, None]
            batch["mask"] = mask
            return batch

        return held_out_batches(make, len(chosen), batch_size, self._local_rows)

    def _sizes(self, split: Split) -> list[int]:
        return [len(self._store.codes(name, split)) for name in self._names]

    def _examples(self, numbers: Sequence[int]) -> Iterator[Example]:
        """Training examples by number, counted from the first of step 0."""
        faces = self._mixture.locate_all(numbers)
        for (source, i), rng in zip(faces, streams.generators(self._config.train.seed, numbers)):
            yield self._writer.example(self._names[source], "train", i, rng)

    def _single(self, step: int) -> Batch:
        config = self._config
        examples = list(self._examples(self._rows_of(step)))
        length = config.sequence_length
        if self._local_rows is None:  # rows of several processes would differ in length
            length = sequence.trimmed(examples, length, config.trim)
        return sequence.assemble(examples, length, config.loss_span, config.model.image_position)

    def _packed(self, step: int) -> Batch:
        config, batch_size = self._config, self._config.train.batch_size
        places = range(batch_size) if self._local_rows is None else self._local_rows
        groups = sorted({place // packing.GROUP for place in places})
        rows = [row for g in groups for row in range(g * packing.GROUP, min((g + 1) * packing.GROUP, batch_size))]
        numbers = [(step * batch_size + row) * config.pack + k for row in rows for k in range(config.pack)]
        examples = self._examples(numbers)
        batch = sequence.blank(len(rows), config.row_ids, packed=True)
        for first in range(0, len(rows), packing.GROUP):  # one group at a time: its ids stay in the core's cache
            group = range(first, min(first + packing.GROUP, len(rows)))
            members = list(itertools.islice(examples, len(group) * config.pack))
            packing.pack_group(batch, group, members, config.loss_span, config.model.image_position)
        if self._local_rows is None:
            return batch
        keep = [rows.index(place) for place in places]
        return Batch(**{name: values[keep] for name, values in sequence.arrays(batch).items()})
