"""The decoding program: prefill of the prefix, then one id after another with a key-value cache.

`decode` is all of it as one compiled program; `decode_watched` runs it in pieces and reports the ids so far.

Axis legend: B rows, V variants of a prefix, R = B * V rows of the model, P prefix bucket, T cache slots (P + ids to
generate), L ids of the longest span, S and U states and ids of a grammar, M model width.

A row's prefix is in slots 0..n-1 of its bucket and its generated ids in slots P, P+1, ...; the slots between are never
attended to.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.distributed import partitioning
from t2f_jax.inference import sampler
from t2f_jax.inference.decoding_state import Array, Inputs, Past, Program, State
from t2f_jax.inference.engine import span_logits
from t2f_jax.inference.grammar import END
from t2f_jax.models.decoder import Cache, Decoder, apply_decoder, empty_cache
from t2f_jax.tokens.vocab import Vocab


@functools.partial(jax.jit, static_argnums=0)
def decode(program: Program, inputs: Inputs) -> tuple[jax.Array, jax.Array]:
    """-> int32 ids [B,L], [PAD] after a span's end; bool scalar, whether every logit was a number."""
    state, past = _start(program, inputs)
    size = inputs.prefixes.ids_RxP.shape[1]
    for end in program.cache.stages(len(past.lengths_R), program.length):
        state, past = _begin_stage(program, size, end, state, past)
        state = _run_stage(program, inputs, past, state, end)
    return state.out_BxL, state.sound


def decode_watched(
    program: Program, inputs: Inputs, every: int, tell: Callable[[np.ndarray], object]
) -> tuple[jax.Array, jax.Array]:
    """As `decode`, in pieces of `every` ids; after each, `tell` is called with the ids so far, int32 [B, drawn]."""
    state, past = _start_piece(program, inputs)
    size, drawn = inputs.prefixes.ids_RxP.shape[1], 0
    for end in program.cache.stages(len(past.lengths_R), program.length):
        state, past = _begin_piece(program, size, end, state, past)
        while drawn < end:
            drawn = min((drawn // every + 1) * every, end)
            state = _run_piece(program, inputs, past, state, drawn)
            tell(np.asarray(state.out_BxL)[:, :drawn])
    return state.out_BxL, state.sound


def _start(program: Program, inputs: Inputs) -> tuple[State, Past]:
    """The prefixes' cache, and every row's first id."""
    rows, prefixes, vocab = inputs.rows, inputs.prefixes, program.vocab
    batch, size = rows.weights_BxV.shape[0], prefixes.ids_RxP.shape[1]
    lengths_R = prefixes.lengths_R
    hidden, cache, next_R = prefill(program.decoder, vocab, inputs.params, prefixes.ids_RxP, lengths_R, size)
    last_RxM = hidden[jnp.arange(len(lengths_R)), lengths_R - 1]
    if program.shared:  # V rows, the same for each of the B

        def tile(x: Array) -> jax.Array:
            rest = [None] * (x.ndim - 1)
            return partitioning.constrain(jnp.tile(x, (batch, *[1] * len(rest))), ("batch", *rest))

        last_RxM, next_R, lengths_R = tile(last_RxM), tile(next_R), tile(lengths_R)
    tokens_B, states_B, sound = _draw(program, inputs, last_RxM, 0, rows.starts_B)
    out_BxL = jnp.full((batch, program.length), vocab.pad, jnp.int32).at[:, 0].set(tokens_B)
    past = Past(lengths_R, next_R, [()] * len(cache), 0)
    return State(jnp.int32(0), tokens_B, states_B, out_BxL, cache, sound), past


def _begin_stage(program: Program, size: int, end: int, state: State, past: Past) -> tuple[State, Past]:
    """Makes room for the ids until a stage's `end`, after prefixes of `size` slots."""
    layout, rows = program.cache, len(past.lengths_R)
    if rows <= layout.few_rows and not program.shared:
        return dataclasses.replace(state, cache=_grown(state.cache, size + program.length)), past
    return _lay_aside(program, state, past, max(1, size + end - 1 - _slots(past, state)))


def _slots(past: Past, state: State) -> int:
    """Number of slots of the parts and the current cache together."""
    return past.first + state.cache[0][0].shape[1]


def _lay_aside(program: Program, state: State, past: Past, slots: int) -> tuple[State, Past]:
    """Moves the current cache to the parts of the past, and starts an empty one of `slots` slots."""
    parts = [(*before, *program.cache.parts(*kept)) for before, kept in zip(past.parts, state.cache)]
    cache = empty_cache(program.decoder.config, len(past.lengths_R), slots, program.decoder.dtype)
    cache = jax.tree.map(lambda x: partitioning.constrain(x, ("batch", None, None)), cache)
    return dataclasses.replace(state, cache=cache), dataclasses.replace(past, parts=parts, first=_slots(past, state))


def _run_stage(program: Program, inputs: Inputs, past: Past, state: State, end: int) -> State:
    """Runs steps until every row has `end` ids or is finished."""

    def goes_on(state: State) -> jax.Array:
        return (state.step + 1 < end) & (state.states_B != END).any()

    return jax.lax.while_loop(goes_on, functools.partial(_step, program, inputs, past), state)


def _step(program: Program, inputs: Inputs, past: Past, state: State) -> State:
    """Adds one id to every row: runs the newest ids through the model, into slot P + step."""
    size, variants, t = inputs.prefixes.ids_RxP.shape[1], inputs.rows.weights_BxV.shape[1], state.step
    slot = jnp.arange(past.first + state.cache[0][0].shape[1])
    seen = (slot[None] < past.lengths_R[:, None]) | ((slot >= size) & (slot <= size + t))[None]
    tokens = jnp.repeat(state.tokens_B, variants)[:, None]
    segments, positions = jnp.full_like(past.next_R, 2)[:, None], (past.next_R + t)[:, None]
    cache = [(*kept, *parts) for kept, parts in zip(state.cache, past.parts)]
    arguments = (tokens, segments, positions, seen[:, None], cache, size + t - past.first)
    hidden, cache = apply_decoder(program.decoder, inputs.params, *arguments, method="extend")
    tokens_B, states_B, sound = _draw(program, inputs, hidden[:, 0], t + 1, state.states_B)
    out_BxL = jax.lax.dynamic_update_slice(state.out_BxL, tokens_B[:, None], (0, t + 1))
    return State(t + 1, tokens_B, states_B, out_BxL, cache, state.sound & sound)


def _draw(
    program: Program, inputs: Inputs, hidden_RxM: jax.Array, t: jax.Array | int, states_B: Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """-> the ids at place t of their spans ([PAD] in finished rows), the states after them, and `State.sound`."""
    rows, tables = inputs.rows, inputs.tables
    allowed_BxU = tables.allowed_SxU[states_B]
    logits_BxU = jnp.where(allowed_BxU, _logits(program, inputs, hidden_RxM), -jnp.inf)
    keys_B = jax.vmap(jax.random.fold_in, (0, None))(jax.vmap(jax.random.key)(rows.seeds_B), t)
    progress_B = t / jnp.maximum(rows.limits_B - 1, 1)
    place_B = sampler.draw(program.kind, tables.numbers, keys_B, logits_BxU, progress_B)
    if rows.imposed_BxL is not None:
        imposed_B = rows.imposed_BxL[:, t]
        place_B = jnp.where(imposed_B < 0, place_B, imposed_B)
    going_B = states_B != END
    next_B = jnp.where(going_B, tables.follow_SxU[states_B, place_B], END)
    next_B = jnp.where(t + 1 < rows.limits_B, next_B, END)
    sound = (logits_BxU.max(-1) < jnp.inf).all()  # also False if there is a NaN
    return jnp.where(going_B, tables.ids_U[place_B], program.vocab.pad), next_B, sound


def _logits(program: Program, inputs: Inputs, hidden_RxM: jax.Array) -> jax.Array:
    """float32 [B,U], the weighted sum of the variants' logits."""
    vocab, (batch, variants) = program.vocab, inputs.rows.weights_BxV.shape
    parts = []
    if program.text != "none":
        count = inputs.tables.ids_U.shape[0] - (vocab.image_size if program.image else 0)
        ids = None if program.text == "all" else inputs.tables.ids_U[:count]
        parts.append(span_logits(inputs.params, hidden_RxM, "text", ids))
    if program.image:
        parts.append(span_logits(inputs.params, hidden_RxM, "image"))
    logits = jnp.concatenate(parts, -1)
    if variants == 1:
        return logits
    return jnp.einsum("bv,bvu->bu", inputs.rows.weights_BxV, logits.reshape(batch, variants, -1))


def prefill(
    decoder: Decoder, vocab: Vocab, params: Any, ids_BxP: Array, lengths_B: Array, slots: int
) -> tuple[jax.Array, Cache, jax.Array]:
    """Runs padded prefixes into an empty cache of `slots` slots. Layers single.

    Returns:
      Final-norm output [B,P,M], the cache, and the next position, int32 [B].
    """
    batch, size = ids_BxP.shape
    place = jnp.arange(size)
    seen = (place[None] < lengths_B[:, None])[:, None, :]
    if decoder.config.mask == "causal":
        seen = seen & (place[None] <= place[:, None])[None]
    seen = jnp.broadcast_to(seen, (batch, size, size))
    segments = (place[None] < lengths_B[:, None]).astype(jnp.int32)
    positions, next_B = jnp.broadcast_to(place[None], (batch, size)), jnp.asarray(lengths_B)
    if decoder.config.image_position:  # as in `sequence.assemble`
        first, count = vocab.image_span
        is_code = (ids_BxP >= first) & (ids_BxP < first + count) & (segments > 0)
        index_B = jnp.where(is_code.any(1), is_code.argmax(1), lengths_B)
        jump_B = decoder.config.image_position - index_B
        positions = positions + (place[None] >= index_B[:, None]) * jump_B[:, None]
        next_B = next_B + jump_B
    cache = empty_cache(decoder.config, batch, size, decoder.dtype)
    rows = (ids_BxP, segments, positions * segments)
    hidden, cache = apply_decoder(decoder, params, *rows, seen, cache, 0, method="extend")
    return hidden, _grown(cache, slots), next_B


def _grown(cache: Cache, slots: int) -> Cache:
    return jax.tree.map(lambda x: jnp.pad(x, ((0, 0), (0, slots - x.shape[1]), (0, 0))), cache)


# The parts of `decode` as separate programs. The end of a piece is an array, so that all pieces share one program.
_start_piece = jax.jit(_start, static_argnums=0)
_begin_piece = jax.jit(_begin_stage, static_argnums=(0, 1, 2))
_run_piece = jax.jit(_run_stage, static_argnums=0)
