"""Generation: prefill of the prefix, then one id after another from a key-value cache, all in one compiled program.

Axis legend: B rows, P prefix bucket, T cache slots (P + ids to generate), V ids of the span, M model width.

A row's prefix stands in slots 0..n-1 of its bucket and what it generates in slots P, P+1, ...; the slots between are
never looked at. Rows of one bucket share a program, and a row's random numbers depend on its own seed alone.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.errors import UserError
from t2f_jax.models.decoder import Cache, Decoder, empty_cache, run, unstack_layers
from t2f_jax.vocab import Vocab

BUCKET = 32  # prefixes are padded to a multiple of this: few programs to compile, little to pay
LARGEST_BATCH = 64  # rows decoded together


@dataclasses.dataclass(frozen=True)
class Sampler:
    """How the next id is drawn from its logits.

    Attributes:
      temperature: logits are divided by it; 0 takes the likeliest id.
      top_k: keep the k likeliest ids (and ties with the k-th); 0 keeps all.
      top_p: then keep the likeliest ids until their probabilities sum to p; 1 keeps all.
      guidance: classifier-free guidance (Ho & Salimans, 2022, arXiv:2207.12598), before all that: the logits are
        those without words, plus this many times what the words change. 1 is off; each face costs twice otherwise.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    guidance: float = 1.0

    def __post_init__(self) -> None:
        for name, fine, right in (
            ("temperature", 0 <= self.temperature < float("inf"), "0 or more"),
            ("top_k", self.top_k >= 0, "0 or more"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("guidance", 0 <= self.guidance < float("inf"), "0 or more"),
        ):
            if not fine:
                raise UserError(f"{name} must be {right}, got {getattr(self, name)}")

    def __call__(self, keys_B: jax.Array, logits_BxV: jax.Array) -> jax.Array:
        """One key and one row of float32 logits each (-inf: never) -> int32 [B] places in the row."""
        if self.temperature == 0:
            return jnp.argmax(logits_BxV, -1).astype(jnp.int32)
        logits = logits_BxV / self.temperature
        size = logits.shape[-1]
        k = min(self.top_k, size) or size
        if k < size or self.top_p < 1:
            best = jax.lax.top_k(logits, k)[0]
            if self.top_p < 1:
                probs = jax.nn.softmax(best, -1)
                before = jnp.cumsum(probs, -1) - probs  # the id that crosses p is kept, as in the original
                best = jnp.where(before < self.top_p, best, jnp.inf)
            logits = jnp.where(logits < best.min(-1, keepdims=True), -jnp.inf, logits)
        return jax.vmap(jax.random.categorical)(keys_B, logits).astype(jnp.int32)


def single(decoder: Decoder, params: Any) -> tuple[Decoder, Any]:
    """The decoder and its parameters with layers one by one, as caches want them (a copy only if they were stacked)."""
    config = dataclasses.replace(decoder.config, scan=False)
    return Decoder(config, decoder.vocab_size, decoder.dtype), unstack_layers(params)


def bucket(length: int) -> int:
    """`length` rounded up to a multiple of `BUCKET`."""
    return -(-length // BUCKET) * BUCKET


def batches(lengths: Sequence[int], largest: int = LARGEST_BATCH) -> list[tuple[int, list[int]]]:
    """Batches of rows of one bucket: [(padded length, row numbers)], at most `largest` rows each."""
    groups: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        groups.setdefault(bucket(length), []).append(row)
    return [(size, rows[i : i + largest]) for size, rows in groups.items() for i in range(0, len(rows), largest)]


def padded(prefixes: Sequence[Sequence[int]], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Prefixes -> int32 ids [B,size] and lengths [B]; B is a power of two, the rows added repeat the first."""
    count = 1 << (len(prefixes) - 1).bit_length()
    ids, lengths = np.zeros((count, size), np.int32), np.zeros(count, np.int32)
    for i in range(count):
        prefix = prefixes[i if i < len(prefixes) else 0]
        ids[i, : len(prefix)], lengths[i] = prefix, len(prefix)
    return ids, lengths


def check_length(decoder: Decoder, longest: int) -> None:
    """Raises UserError if a row of `longest` ids might not fit a learned position table."""
    config = decoder.config
    if config.positions == "learned" and longest + config.image_position > config.max_length:
        raise UserError(
            f"a row of {longest} ids exceeds the model's {config.max_length} positions; shorten prompt or answer"
        )


def prefill(
    decoder: Decoder, vocab: Vocab, params: Any, ids_BxP: jax.Array, lengths_B: jax.Array, slots: int
) -> tuple[jax.Array, Cache, jax.Array]:
    """Runs padded prefixes into an empty cache of `slots` slots. Layers single.

    Returns:
      Final-norm output [B,P,M], the cache, and the position of what comes next, int32 [B].
    """
    batch, size = ids_BxP.shape
    place, slot = jnp.arange(size), jnp.arange(slots)
    seen = (slot[None] < lengths_B[:, None])[:, None, :]
    if decoder.config.mask == "causal":
        seen = seen & (slot[None] <= place[:, None])[None]
    seen = jnp.broadcast_to(seen, (batch, size, slots))
    segments = (place[None] < lengths_B[:, None]).astype(jnp.int32)
    positions, next_B = jnp.broadcast_to(place[None], (batch, size)), lengths_B
    if decoder.config.image_position:  # as in `sequence.assemble`
        first, count = vocab.image_span
        is_code = (ids_BxP >= first) & (ids_BxP < first + count) & (segments > 0)
        index_B = jnp.where(is_code.any(1), is_code.argmax(1), lengths_B)
        jump_B = decoder.config.image_position - index_B
        positions = positions + (place[None] >= index_B[:, None]) * jump_B[:, None]
        next_B = lengths_B + jump_B
    cache = empty_cache(decoder.config, batch, slots, decoder.dtype)
    hidden, cache = run(decoder, params, ids_BxP, segments, positions * segments, seen, cache, 0, method="extend")
    return hidden, cache, next_B


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3, 4))
def _decode(
    decoder: Decoder,
    vocab: Vocab,
    kind: str,
    length: int,
    sampler: Sampler,
    params: Any,
    ids_BxP: jax.Array,
    lengths_B: jax.Array,
    seeds_B: jax.Array,
) -> jax.Array:
    """int32 ids [B,length]; [PAD] behind a text's [SEP]. With guidance the B rows without words stand behind the B."""
    decoder, params = single(decoder, params)
    (batch,), (rows, size) = seeds_B.shape, ids_BxP.shape
    slots = size + length
    keys_B = jax.vmap(jax.random.PRNGKey)(seeds_B)
    first, count = vocab.image_span if kind == "image" else vocab.text_span
    allowed = np.ones(count, bool) if kind == "image" else vocab.text_allowed()

    def draw(hidden: jax.Array, t: jax.Array | int) -> jax.Array:
        logits = run(decoder, params, hidden, first, count, method="head")
        if rows > batch:
            logits = logits[batch:] + sampler.guidance * (logits[:batch] - logits[batch:])
        logits = jnp.where(allowed, logits, -jnp.inf)
        return first + sampler(jax.vmap(jax.random.fold_in, (0, None))(keys_B, t), logits)

    hidden, cache, next_B = prefill(decoder, vocab, params, ids_BxP, lengths_B, slots)
    token = draw(hidden[jnp.arange(rows), lengths_B - 1], 0)
    out = jnp.full((batch, length), vocab.pad, jnp.int32).at[:, 0].set(token)
    slot = jnp.arange(slots)

    def done(token: jax.Array) -> jax.Array:
        return jnp.zeros(batch, bool) if kind == "image" else (token == vocab.sep) | (token == vocab.pad)

    def unfinished(state: Any) -> jax.Array:
        t, token, _, _ = state
        return (t + 1 < length) & ~done(token).all()

    def advance(state: Any) -> Any:
        t, token, out, cache = state  # token t stands in `out`; it goes to slot size + t and predicts token t + 1
        seen = (slot[None] < lengths_B[:, None]) | ((slot >= size) & (slot <= size + t))[None]
        hidden, cache = run(
            decoder,
            params,
            jnp.tile(token, rows // batch)[:, None],
            jnp.full((rows, 1), 2),
            (next_B + t)[:, None],
            seen[:, None],
            cache,
            size + t,
            method="extend",
        )
        token = jnp.where(done(token), vocab.pad, draw(hidden[:, 0], t + 1))
        out = jax.lax.dynamic_update_slice(out, token[:, None], (0, t + 1))
        return t + 1, token, out, cache

    return jax.lax.while_loop(unfinished, advance, (jnp.int32(0), token, out, cache))[2]


def generate(
    decoder: Decoder,
    params: Any,
    vocab: Vocab,
    prefixes: Sequence[Sequence[int]],
    kind: str,
    length: int,
    sampler: Sampler,
    seeds: Sequence[int],
    wordless: Sequence[int] = (),
) -> list[np.ndarray]:
    """Continues every prefix by an image or a text.

    Args:
      decoder, params: the model; its layers single or stacked.
      prefixes: ids, of any lengths. A question given before a text's answer is not part of it: see `scoring`.
      kind: "image": exactly `length` image ids, from the image rows of the head alone. "text": text ids up to [SEP],
        at most `length` with it.
      wordless: the prefix that says nothing (`sequence.text_prefix` of ""), which `sampler.guidance` compares with.
      seeds: one for each prefix. A row is a pure function of (params, prefix, sampler, seed), up to the last bits that
        another batch size may change.

    Returns:
      For each prefix an int32 array of ids; a text's closing [SEP] is left out.

    Raises:
      UserError: prefix and `length` exceed a learned position table.
    """
    if kind not in ("image", "text"):
        raise ValueError(f"kind is 'image' or 'text', got {kind!r}")
    if len(seeds) != len(prefixes):
        raise ValueError(f"{len(prefixes)} prefixes need as many seeds, got {len(seeds)}")
    if not prefixes:
        return []
    if min(seeds) < 0 or max(seeds) >= 2**32:
        raise UserError(f"a seed is a whole number from 0 to {2**32 - 1}, got {min(seeds)} to {max(seeds)}")
    check_length(decoder, max(map(len, prefixes)) + length)
    guided = sampler.guidance != 1
    if guided and not wordless:
        raise ValueError("guidance needs the prefix without words")
    decoder, params = single(decoder, params)
    results: list[np.ndarray] = [np.zeros(0, np.int32)] * len(prefixes)
    for size, rows in batches([len(p) for p in prefixes]):
        ids, lengths = padded([prefixes[r] for r in rows], size)
        row_seeds = np.array([seeds[r] for r in rows] + [seeds[rows[0]]] * (len(ids) - len(rows)), np.int64)
        if guided:
            blank, blank_lengths = padded([wordless] * len(ids), size)
            ids, lengths = np.concatenate([ids, blank]), np.concatenate([lengths, blank_lengths])
        out = _decode(decoder, vocab, kind, length, sampler, params, ids, lengths, row_seeds.astype(np.uint32))
        for row, line in zip(rows, np.asarray(out)):
            end = np.flatnonzero(line == vocab.sep) if kind == "text" else np.zeros(0, int)
            results[row] = line[: end[0]] if end.size else line
    return results
