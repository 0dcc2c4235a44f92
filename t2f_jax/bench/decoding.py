"""Rows of the table for decoding: faces, captions, attributes. Axes: B rows, P ids of a prefix, n codes of an image."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.bench.machine import REPEATS, Machine, median_seconds
from t2f_jax.bench.subject import Subject
from t2f_jax.bench.table import Row
from t2f_jax.config.schema import DecoderConfig
from t2f_jax.inference import decoding, decoding_program, grammar, scoring
from t2f_jax.inference.batching import bucket, pad
from t2f_jax.inference.model import Model
from t2f_jax.inference.sampler import Sampler
from t2f_jax.models.decoder import Decoder
from t2f_jax.tokens import sequence, templates

CAPTION = 48  # ids of a caption


def measure_sample(subject: Subject, batch: int) -> Row:
    """Time per image for the codes of `batch` images at once, against decoding without a cache."""
    model, n, length = subject.model, subject.tokens, len(subject.prefix)
    span = grammar.image(model.vocab, n)
    requests = [decoding.Request((subject.prefix,), span, seed) for seed in range(batch)]
    seconds = subject.machine.median_beside_reads(
        lambda: decoding.generate(model.engine, requests, Sampler(top_k=70)), 3
    )
    baseline = seconds_without_cache(model, length, n)
    limit = least_seconds(subject.machine, model.run_config.model, batch, length, n, model.vocab.image_size)
    return Row(f"sample_b{batch}", seconds / batch, "s/image", baseline, baseline / (seconds / batch), limit / seconds)


def measure_caption(subject: Subject) -> Row:
    """A greedy caption of 48 ids, against decoding without a cache."""
    model = subject.model
    prefix = sequence.image_prefix(model.vocab, model.tokenizer, templates.CAPTION_PROMPT, subject.codes[0])
    length = int(min(CAPTION, model.engine.most_ids - len(prefix)))
    request = decoding.Request((prefix,), grammar.text(model.vocab, length))

    def caption() -> list[np.ndarray]:
        return decoding.generate(model.engine, [request], Sampler(temperature=0.0))

    decoded = min(len(caption()[0]) + 1, length)  # a caption may end earlier: both sides count per id
    seconds = subject.machine.median_beside_reads(caption, REPEATS)
    baseline = seconds_without_cache(model, len(prefix), decoded)
    limit = least_seconds(subject.machine, model.run_config.model, 1, len(prefix), decoded, model.vocab.text_size)
    value, other = (s / decoded * CAPTION for s in (seconds, baseline))
    return Row("caption_48", value, "s/caption", other, baseline / seconds, limit / seconds)


def measure_one_face(subject: Subject) -> Row:
    """All attributes of one face, against a separate uncached answer (two forward passes) for each."""
    model = subject.model
    seconds, length = _attributes_seconds(subject, 1), len(_face_prefixes(subject, 1)[0])
    baseline = seconds_without_cache(model, length + 4, 2) * len(model.schema)  # after a question of about four ids
    return Row("attributes_b1", seconds, "s/face", baseline, baseline / seconds, _attributes_limit(subject) / seconds)


def measure_many_faces(subject: Subject) -> Row:
    """Time per face for all attributes of 32 faces; the baseline is that of their prefills alone."""
    engine, prefixes = subject.model.engine, _face_prefixes(subject, 32)
    ids, lengths = pad(prefixes, bucket(len(prefixes[0])))

    @jax.jit
    def prefill(params: Any, ids: jax.Array, lengths: jax.Array) -> Any:
        hidden, cache, _ = decoding_program.prefill(engine.decoder, engine.vocab, params, ids, lengths, ids.shape[1])
        return hidden[:, -1], cache

    alone = median_seconds(lambda: prefill(engine.params, ids, lengths), 3) / 32
    seconds = _attributes_seconds(subject, 32) / 32
    return Row("attributes_b32", seconds, "s/face", alone, alone / seconds, _attributes_limit(subject) / seconds)


def _face_prefixes(subject: Subject, batch: int) -> list[tuple[int, ...]]:
    words = (subject.model.vocab, subject.model.tokenizer, templates.ATTRIBUTE_PROMPT)
    return [sequence.image_prefix(*words, codes) for codes in subject.codes[:batch]]


def _attributes_seconds(subject: Subject, batch: int) -> float:
    """Seconds for all attributes of `batch` faces."""
    model, prefixes = subject.model, _face_prefixes(subject, batch)
    return median_seconds(lambda: scoring.score_attributes(model.engine, model.tokenizer, prefixes, model.schema), 3)


def _attributes_limit(subject: Subject) -> float:
    """Lower bound of the seconds for all attributes of a face: its prefix and the tree's nodes in one pass."""
    model = subject.model
    nodes = len(scoring.tree(model.vocab, model.tokenizer, model.schema).tokens_N)
    length = len(_face_prefixes(subject, 1)[0]) + nodes
    return least_seconds(subject.machine, model.run_config.model, 1, length, 0, 0)


def seconds_without_cache(model: Model, prefix: int, answer: int) -> float:
    """Seconds of an answer decoded without a cache.

    For each id a full forward pass over the sequence so far, with the head over the whole vocabulary at every position,
    integrated over 9 lengths.
    """
    decoder = Decoder(model.run_config.model, model.vocab.size)
    params = jax.tree.map(jnp.asarray, model.params)
    forward = jax.jit(lambda p, t, s, i: decoder.apply({"params": p}, t, s, i))
    lengths = np.unique(np.linspace(prefix, prefix + answer - 1, 9).astype(int))
    times = []
    for length in lengths:
        row = np.zeros((1, length), np.int32)
        segments = np.where(np.arange(length) < prefix, 1, 2)[None].astype(np.int32)
        places = np.arange(length, dtype=np.int32)[None]
        times.append(median_seconds(lambda r=row, s=segments, p=places: forward(params, r, s, p), 3))
    mean = np.trapezoid(times, lengths) / (lengths[-1] - lengths[0]) if len(lengths) > 1 else times[0]
    return float(mean * answer)


def least_seconds(machine: Machine, config: DecoderConfig, rows: int, prefix: int, answer: int, head: int) -> float:
    """Lower bound of the seconds that this machine needs.

    All products of the prefix at the measured peak; then for each id the larger of: its products, or reading the
    weights and the rows' caches once.

    Args:
      head: rows of the head that an id needs.
    """
    layers = config.layers * (4 * config.width**2 + 2 * config.width * config.mlp)
    filled = prefix + answer / 2  # on average
    attention = 4 * config.layers * config.width
    first = rows * prefix * (2 * layers + attention * prefix) / machine.matmul
    products = rows * (2 * (layers + head * config.width) + attention * filled) / machine.matmul
    read = 4 * (layers + head * config.width + 2 * rows * config.layers * config.width * filled) / machine.read
    return first + answer * max(products, read)
