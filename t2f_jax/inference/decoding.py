"""Generation: prefill of the prefix, then one id after another from a key-value cache, all in one compiled program.

Axis legend: B rows, V variants of a prefix, R = B * V rows of the model, P prefix bucket, T cache slots (P + ids to
generate), S and U states and ids of a grammar, M model width.

A row's prefix stands in slots 0..n-1 of its bucket and what it generates in slots P, P+1, ...; the slots between are
never looked at. Rows of one bucket share a program, whatever their tasks; a row's random numbers depend on its own seed
alone. A prefix that all rows share, as many faces for one prompt do, runs once, is held once and is read once a step.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.distributed import partitioning
from t2f_jax.errors import UserError
from t2f_jax.inference import grammar, sampler
from t2f_jax.inference.engine import Engine, span_logits
from t2f_jax.inference.grammar import END, Grammar
from t2f_jax.inference.sampler import Sampler
from t2f_jax.models.decoder import Cache, Decoder, empty_cache, run
from t2f_jax.tokens.vocab import Vocab

LARGEST_BATCH = 64  # rows decoded together


@dataclasses.dataclass(frozen=True)
class Request:
    """One row to generate.

    Attributes:
      prefixes: the prefix in one or more variants, ids of any lengths.
      grammar: what the span may hold. A question given before an answer is part of it.
      seed: from 0 to 2^32 - 1.
      weights: of the variants' logits, which are summed: (g, 1 - g) for a prompt and the prompt without words is
        classifier-free guidance by g.
      given: ids imposed on the span's places, -1 where one is drawn; none if empty.
    """

    prefixes: tuple[Sequence[int], ...]
    grammar: Grammar
    seed: int = 0
    weights: tuple[float, ...] = (1.0,)
    given: Sequence[int] = ()

    @property
    def bucket(self) -> int:
        """Padded length of its longest prefix."""
        return bucket(max(map(len, self.prefixes)))


def bucket(length: int) -> int:
    """`length` rounded up: few programs, little to pay. Prompts differ in length, prefixes with a face hardly."""
    step = 32 if length <= 128 else 8
    return -(-length // step) * step


def batches(keys: Sequence[Any], largest: int = LARGEST_BATCH) -> list[tuple[Any, list[int]]]:
    """Rows of equal keys (such as their bucket) in batches: [(key, row numbers)], at most `largest` rows each."""
    groups: dict[Any, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    return [(key, rows[i : i + largest]) for key, rows in groups.items() for i in range(0, len(rows), largest)]


def filled(rows: Sequence[Any]) -> list[Any]:
    """Rows -> a power of two of them, those added repeat the first: few batch sizes to compile."""
    return [*rows, *[rows[0]] * ((1 << (len(rows) - 1).bit_length()) - len(rows))]


def padded(prefixes: Sequence[Sequence[int]], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Prefixes -> int32 ids [B,size] and lengths [B]."""
    ids, lengths = np.zeros((len(prefixes), size), np.int32), np.array([len(p) for p in prefixes], np.int32)
    for row, prefix in zip(ids, prefixes):
        row[: len(prefix)] = prefix
    return ids, lengths


def prefill(
    decoder: Decoder, vocab: Vocab, params: Any, ids_BxP: jax.Array, lengths_B: jax.Array, slots: int
) -> tuple[jax.Array, Cache, jax.Array]:
    """Runs padded prefixes into an empty cache of `slots` slots. Layers single.

    Returns:
      Final-norm output [B,P,M], the cache, and the position of what comes next, int32 [B].
    """
    batch, size = ids_BxP.shape
    place = jnp.arange(size)
    seen = (place[None] < lengths_B[:, None])[:, None, :]
    if decoder.config.mask == "causal":
        seen = seen & (place[None] <= place[:, None])[None]
    seen = jnp.broadcast_to(seen, (batch, size, size))
    segments = (place[None] < lengths_B[:, None]).astype(jnp.int32)
    positions, next_B = jnp.broadcast_to(place[None], (batch, size)), lengths_B
    if decoder.config.image_position:  # as in `sequence.assemble`
        first, count = vocab.image_span
        is_code = (ids_BxP >= first) & (ids_BxP < first + count) & (segments > 0)
        index_B = jnp.where(is_code.any(1), is_code.argmax(1), lengths_B)
        jump_B = decoder.config.image_position - index_B
        positions = positions + (place[None] >= index_B[:, None]) * jump_B[:, None]
        next_B = lengths_B + jump_B
    cache = empty_cache(decoder.config, batch, size, decoder.dtype)
    hidden, cache = run(decoder, params, ids_BxP, segments, positions * segments, seen, cache, 0, method="extend")
    return hidden, _grown(cache, slots), next_B


def _grown(cache: Cache, slots: int) -> Cache:
    return jax.tree.map(lambda x: jnp.pad(x, ((0, 0), (0, slots - x.shape[1]), (0, 0))), cache)


# A row's attention reads all slots of its cache, filled or not. Several rows' caches outweigh the weights, so theirs is
# filled in stages: what a stage has filled is laid aside as a part, and an empty cache begins. Each stage is compiled,
# so that a single row, whose cache is small, has one.
STAGE = 64  # slots, as wide as XLA's CPU backend reads fastest
FEW_ROWS = 3


def _stages(rows: int, length: int, slots: int) -> list[int]:
    """Numbers of ids generated when a stage ends, its slots being filled: the newest id has none yet."""
    count = 1 if rows <= FEW_ROWS else max(1, length // slots)
    return [*(slots * i + 1 for i in range(1, count)), length]


def _parts(own: tuple[jax.Array, ...], slots: int) -> list[jax.Array]:
    """A layer's filled cache as parts of at most so many slots, see `attention.Attention`."""
    k_NxTxD, v_NxTxD = own
    cuts = [slice(at, at + slots) for at in range(0, k_NxTxD.shape[1], slots)]
    return [part for cut in cuts for part in (k_NxTxD[:, cut].swapaxes(1, 2), v_NxTxD[:, cut])]


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def decode(
    decoder: Decoder,
    vocab: Vocab,
    length: int,
    kind: sampler.Kind,
    params: Any,
    rows: Mapping[str, jax.Array],
    shared: Mapping[str, jax.Array],
) -> jax.Array:
    """int32 ids [B,length]; [PAD] behind a span's end. `rows` and `shared` as `arrays` makes them."""
    weights_BxV, prefixes = rows["weights"], rows if "ids" in rows else shared
    (batch, variants), size = weights_BxV.shape, prefixes["ids"].shape[1]
    keys_B = jax.vmap(jax.random.PRNGKey)(rows["seeds"])
    text = shared.get("text")
    columns = [] if text is None else [text]
    columns += [vocab.text_size + jnp.arange(vocab.image_size)] if "image" in shared else []
    ids_U = jnp.concatenate(columns).astype(jnp.int32)

    def logits_of(hidden_RxM: jax.Array) -> jax.Array:
        parts = []
        if text is not None:
            parts.append(span_logits(params, hidden_RxM, "text", None if text.size == vocab.text_size else text))
        if "image" in shared:
            parts.append(span_logits(params, hidden_RxM, "image"))
        logits = jnp.concatenate(parts, -1)
        return logits if variants == 1 else jnp.einsum("bv,bvu->bu", weights_BxV, logits.reshape(batch, variants, -1))

    def draw(hidden_RxM: jax.Array, t: jax.Array | int, state_B: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The ids at place t and the states behind them."""
        logits = jnp.where(shared["allowed"][state_B], logits_of(hidden_RxM), -jnp.inf)
        keys = jax.vmap(jax.random.fold_in, (0, None))(keys_B, t)
        progress_B = t / jnp.maximum(rows["limits"] - 1, 1)
        place_B = sampler.draw(kind, shared["numbers"], keys, logits, progress_B)
        if "given" in rows:
            given_B = rows["given"][:, t]
            place_B = jnp.where(given_B < 0, place_B, given_B)
        going_B = state_B != END
        state = jnp.where(going_B, shared["follow"][state_B, place_B], END)
        state = jnp.where(t + 1 < rows["limits"], state, END)
        return jnp.where(going_B, ids_U[place_B], vocab.pad), state

    lengths_R = prefixes["lengths"]
    hidden, cache, next_R = prefill(decoder, vocab, params, prefixes["ids"], lengths_R, size)
    last_RxM = hidden[jnp.arange(len(lengths_R)), lengths_R - 1]
    if prefixes is shared:  # V rows, the same for each of the B

        def tile(x: jax.Array) -> jax.Array:
            rest = [None] * (x.ndim - 1)
            return partitioning.constrain(jnp.tile(x, (batch, *[1] * len(rest))), ("batch", *rest))

        last_RxM, next_R, lengths_R = jax.tree.map(tile, (last_RxM, next_R, lengths_R))
    token, state = draw(last_RxM, 0, rows["states"])
    out = jnp.full((batch, length), vocab.pad, jnp.int32).at[:, 0].set(token)

    def advance(carry: Any, filled: Cache, first: int) -> Any:
        """One id more; `filled` holds the parts before slot `first`, the carried cache the slots from there on."""
        t, token, state, out, cache = carry  # token t stands in `out`; in slot size + t it predicts token t + 1
        slot = jnp.arange(first + cache[0][0].shape[1])
        seen = (slot[None] < lengths_R[:, None]) | ((slot >= size) & (slot <= size + t))[None]
        new = (jnp.repeat(token, variants)[:, None], jnp.full_like(next_R, 2)[:, None], (next_R + t)[:, None])
        joined = [(*own, *parts) for own, parts in zip(cache, filled)]
        hidden, cache = run(decoder, params, *new, seen[:, None], joined, size + t - first, method="extend")
        token, state = draw(hidden[:, 0], t + 1, state)
        out = jax.lax.dynamic_update_slice(out, token[:, None], (0, t + 1))
        return t + 1, token, state, out, cache

    count, first, filled = batch * variants, 0, [()] * len(cache)
    # Elsewhere than on a CPU each part costs two kernels a layer: fewer and wider ones.
    stage, part = (STAGE, STAGE) if decoder.groups else (2 * STAGE, size + length)
    carry = (jnp.int32(0), token, state, out)
    for end in _stages(count, length, stage):
        if count <= FEW_ROWS and prefixes is rows:
            cache = _grown(cache, size + length)
        else:
            filled = [(*parts, *_parts(own, part)) for parts, own in zip(filled, cache)]
            first += cache[0][0].shape[1]
            cache = empty_cache(decoder.config, count, max(1, size + end - 1 - first), decoder.dtype)
            cache = jax.tree.map(lambda x: partitioning.constrain(x, ("batch", None, None)), cache)
        step = functools.partial(advance, filled=filled, first=first)
        *carry, cache = jax.lax.while_loop(
            lambda c, end=end: (c[0] + 1 < end) & (c[2] != END).any(), step, (*carry, cache)
        )
    return carry[3]


def arrays(
    vocab: Vocab, requests: Sequence[Request], size: int, chosen: Sampler
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Requests of one bucket, with equally many variants each -> what `decode` reads: a row's own, and the shared.

    The prefixes ("ids", "lengths") are shared if all rows have the same.
    """
    kinds = tuple(dict.fromkeys(r.grammar for r in requests))
    merged, starts = grammar.union(vocab, kinds)
    start_of = dict(zip(kinds, starts))
    same = len(requests) > 1 and len({tuple(map(tuple, r.prefixes)) for r in requests}) == 1
    ids, lengths = padded([prefix for r in requests[: 1 if same else None] for prefix in r.prefixes], size)
    rows = {
        "weights": np.clip([r.weights for r in requests], -1e20, 1e20).astype(np.float32),  # no logit overflows
        "seeds": np.array([r.seed for r in requests], np.uint32),
        "states": np.array([start_of[r.grammar] for r in requests], np.int32),
        "limits": np.array([r.grammar.length for r in requests], np.int32),
    }
    if any(len(r.given) for r in requests):
        known = merged.ids(vocab)
        rows["given"] = np.full((len(requests), merged.length), -1, np.int32)
        for row, r in zip(rows["given"], requests):
            imposed = np.asarray(r.given, np.int32)
            places = np.minimum(np.searchsorted(known, imposed), len(known) - 1)
            if (known[places] != imposed)[imposed >= 0].any() or len(imposed) > r.grammar.length:
                raise ValueError("`given` holds more ids than the span, or one that the grammar does not know")
            row[: len(imposed)] = np.where(imposed < 0, -1, places)
    shared = {"allowed": merged.allowed_SxU, "follow": merged.follow_SxU, "numbers": chosen.numbers}
    (shared if same else rows).update(ids=ids, lengths=lengths)
    if merged.image:
        shared["image"] = np.zeros(0, np.int32)
    if merged.text is None:
        shared["text"] = np.arange(vocab.text_size, dtype=np.int32)
    elif merged.text.size:
        shared["text"] = merged.text
    return rows, shared


def generate(
    engine: Engine, requests: Sequence[Request], chosen: Sampler, batch_size: int = LARGEST_BATCH
) -> list[np.ndarray]:
    """Continues every request's prefix by what its grammar allows.

    Args:
      requests: rows of any tasks and lengths; those of one bucket are decoded together.
      chosen: how ids are drawn. A row is a pure function of (weights, request, sampler), up to the last bits that
        another batch size may change. Its `guidance` is the requests' business, see `guided`.
      batch_size: most rows decoded together.

    Returns:
      For each request an int32 array of ids; a text's or an answer's closing [SEP] is left out.

    Raises:
      UserError: prefix and span exceed a learned position table, or a seed out of range.
      ValueError: a request whose variants and weights differ in number, or `given` ids that its grammar does not know.
    """
    if not requests:
        return []
    seeds = [r.seed for r in requests]
    if min(seeds) < 0 or max(seeds) >= 2**32:
        raise UserError(f"a seed is a whole number from 0 to {2**32 - 1}, got {min(seeds)} to {max(seeds)}")
    engine.check_length(max(len(p) + r.grammar.length for r in requests for p in r.prefixes))
    if any(len(r.prefixes) != len(r.weights) for r in requests):
        raise ValueError("a request needs one weight for each variant of its prefix")
    vocab = engine.vocab
    results: list[np.ndarray] = [np.zeros(0, np.int32)] * len(requests)
    keys = [(r.bucket, len(r.prefixes), bool(len(r.given))) for r in requests]
    for (size, _, _), rows in batches(keys, batch_size):
        own, shared = arrays(vocab, filled([requests[r] for r in rows]), size, chosen)
        length = max(requests[r].grammar.length for r in rows)
        with jax.set_mesh(engine.mesh):
            out = decode(engine.decoder, vocab, length, chosen.kind, engine.params, engine.spread(own), shared)
        for row, line in zip(rows, np.asarray(out)):
            line = line[: requests[row].grammar.length]
            end = np.flatnonzero(line == vocab.sep)
            results[row] = line[: end[0]] if end.size else line
    return results


def guided(prefix: Sequence[int], wordless: Sequence[int], guidance: float) -> dict[str, Any]:
    """`prefixes` and `weights` of a request by classifier-free guidance.

    Args:
      wordless: the prefix that says nothing (`sequence.text_prefix` of "").
      guidance: how much the words count, see `Sampler.guidance`; with 1 there is one variant.
    """
    if guidance == 1:
        return {"prefixes": (prefix,), "weights": (1.0,)}
    return {"prefixes": (prefix, wordless), "weights": (guidance, 1 - guidance)}
