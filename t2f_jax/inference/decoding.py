"""Generation: prefill of the prefix, then one id after another from a key-value cache, all in one compiled program.

Axis legend: B rows, V variants of a prefix, R = B * V rows of the model, P prefix bucket, T cache slots (P + ids to
generate), L ids of the longest span, S and U states and ids of a grammar, M model width.

A row's prefix stands in slots 0..n-1 of its bucket and what it generates in slots P, P+1, ...; the slots between are
never looked at. Rows of one bucket share a program, whatever their tasks; a row's random numbers depend on its own seed
alone. A prefix that all rows share, as many faces for one prompt do, runs once, is held once and is read once a step.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax import arguments
from t2f_jax.distributed import partitioning
from t2f_jax.environment import computes
from t2f_jax.errors import UserError, WrongArgument
from t2f_jax.inference import grammar, sampler
from t2f_jax.inference.batching import bucket, group_rows, pad, pad_to_power_of_two
from t2f_jax.inference.decoding_state import Array, Inputs, Past, Prefixes, Program, Rows, State, Tables
from t2f_jax.inference.engine import NO_NUMBERS, Engine, span_logits
from t2f_jax.inference.grammar import END, Grammar
from t2f_jax.inference.sampler import Sampler
from t2f_jax.models.decoder import Cache, Decoder, apply_decoder, empty_cache
from t2f_jax.tokens.vocab import Vocab

LARGEST_BATCH = 64  # rows decoded together


@dataclasses.dataclass(frozen=True)
class Request:
    """One row to generate.

    Attributes:
      prefixes: the prefix in one or more variants, ids of any lengths.
      grammar: what the span may hold. A question given before an answer is part of it.
      seed: from 0 to 2^32 - 1.
      weights: of the variants' logits, which are summed, see `guided`.
      imposed: ids that the span's places must hold, -1 where one is drawn; none if empty.

    Raises:
      WrongArgument: no prefix or an empty one, weights that are as many as not the variants, or a seed out of range.
    """

    prefixes: tuple[Sequence[int], ...]
    grammar: Grammar
    seed: int = 0
    weights: tuple[float, ...] = (1.0,)
    imposed: Sequence[int] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", arguments.first_seed(self.seed, 1))
        if not self.prefixes or not all(map(len, self.prefixes)) or len(self.prefixes) != len(self.weights):
            raise WrongArgument("a request needs a prefix of one id or more, and one weight for each variant of it")

    @property
    def bucket(self) -> int:
        """Padded length of its longest prefix."""
        return bucket(max(map(len, self.prefixes)))


def guided(
    clauses: Sequence[tuple[Sequence[int], float]], wordless: Sequence[int]
) -> tuple[tuple[Sequence[int], ...], tuple[float, ...]]:
    """A request's prefixes and weights by classifier-free guidance: the weights sum to 1.

    Args:
      clauses: (prefix, weight) of each clause of a prompt, see `tokens.prompts`. A single one of weight 1 needs no
        second variant, so that it costs half.
      wordless: the prefix that says nothing (`sequence.text_prefix` of "").
    """
    prefixes, weights = tuple(prefix for prefix, _ in clauses), tuple(weight for _, weight in clauses)
    if weights == (1,):
        return prefixes, (1.0,)
    return (*prefixes, wordless), (*weights, 1 - sum(weights))


# ----- the compiled program -----


@functools.partial(jax.jit, static_argnums=0)
def decode(program: Program, inputs: Inputs) -> tuple[jax.Array, jax.Array]:
    """-> int32 ids [B,L], [PAD] behind a span's end; bool scalar, whether every logit was a number."""
    state, past = _start(program, inputs)
    layout, rows = program.cache, len(past.lengths_R)
    one_piece = rows <= layout.few_rows and not program.shared
    size = inputs.prefixes.ids_RxP.shape[1]
    for end in layout.stages(rows, program.length):
        if one_piece:
            state = dataclasses.replace(state, cache=_grown(state.cache, size + program.length))
        else:
            state, past = _lay_aside(program, state, past, max(1, size + end - 1 - _slots(past, state)))
        state = _run_stage(program, inputs, past, state, end)
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


def _slots(past: Past, state: State) -> int:
    """Slots of the parts and the carried cache together."""
    return past.first + state.cache[0][0].shape[1]


def _lay_aside(program: Program, state: State, past: Past, slots: int) -> tuple[State, Past]:
    """The carried cache becomes parts of the past, and an empty one of `slots` slots begins."""
    parts = [(*before, *program.cache.parts(*kept)) for before, kept in zip(past.parts, state.cache)]
    cache = empty_cache(program.decoder.config, len(past.lengths_R), slots, program.decoder.dtype)
    cache = jax.tree.map(lambda x: partitioning.constrain(x, ("batch", None, None)), cache)
    return dataclasses.replace(state, cache=cache), dataclasses.replace(past, parts=parts, first=_slots(past, state))


def _run_stage(program: Program, inputs: Inputs, past: Past, state: State, end: int) -> State:
    """Steps until every row has `end` ids or is finished."""

    def goes_on(state: State) -> jax.Array:
        return (state.step + 1 < end) & (state.states_B != END).any()

    return jax.lax.while_loop(goes_on, functools.partial(_step, program, inputs, past), state)


def _step(program: Program, inputs: Inputs, past: Past, state: State) -> State:
    """One id more in every row: the newest ones run through the model, into slot P + step."""
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
    """-> the ids at place t of their spans ([PAD] in finished rows), the states behind them, and `State.sound`."""
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
    sound = (logits_BxU.max(-1) < jnp.inf).all()  # also False where NaN is among them
    return jnp.where(going_B, tables.ids_U[place_B], program.vocab.pad), next_B, sound


def _logits(program: Program, inputs: Inputs, hidden_RxM: jax.Array) -> jax.Array:
    """float32 [B,U], the variants' logits summed by their weights."""
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
      Final-norm output [B,P,M], the cache, and the position of what comes next, int32 [B].
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


# ----- requests in, ids out -----


@computes
def generate(
    engine: Engine, requests: Sequence[Request], chosen: Sampler, batch_size: int = LARGEST_BATCH
) -> list[np.ndarray]:
    """Continues every request's prefix by what its grammar allows.

    Args:
      requests: rows of any tasks and lengths; those of one bucket are decoded together.
      chosen: how ids are drawn. A row is a pure function of (weights, request, sampler), up to the last bits that
        another batch size may change. Its `guidance` has no effect here: the requests' variants hold it, see `guided`.
      batch_size: most rows decoded together.

    Returns:
      For each request an int32 array of ids; a text's or an answer's closing [SEP] is left out.

    Raises:
      WrongArgument: prefix and span exceed a learned position table, or imposed ids that a grammar does not know.
      UserError: a model that computes NaN.
    """
    arguments.instance("chosen", chosen, Sampler)
    batch_size = arguments.batch_size(batch_size)
    if not requests:
        return []
    engine.check_length(max(len(p) + r.grammar.length for r in requests for p in r.prefixes))
    results: list[np.ndarray] = [np.zeros(0, np.int32)] * len(requests)
    keys = [(r.bucket, len(r.prefixes), bool(len(r.imposed))) for r in requests]
    for _, rows in group_rows(keys, batch_size):
        program, inputs = _assemble(engine, pad_to_power_of_two([requests[r] for r in rows]), chosen)
        with jax.set_mesh(engine.mesh):
            out, sound = decode(program, _spread(program, inputs, engine.spread))
        if not sound:
            raise UserError(NO_NUMBERS)
        for row, line in zip(rows, np.asarray(out)):
            line = line[: requests[row].grammar.length]
            end = np.flatnonzero(line == engine.vocab.sep)
            results[row] = line[: end[0]] if end.size else line
    return results


def lower(
    engine: Engine, requests: Sequence[Request], chosen: Sampler, platforms: tuple[str, ...] | None = None
) -> jax.stages.Lowered:
    """The program that decodes `requests`, all of one bucket, together: traced, not compiled and not run.

    Args:
      engine: its parameters may be shapes, and the devices of its mesh need not be there.
      platforms: what to lower for, such as ("cuda",), if not for the mesh's devices.
    """
    program, inputs = _assemble(engine, requests, chosen)
    with jax.set_mesh(engine.mesh):
        return decode.trace(program, _spread(program, inputs, engine.spread_shapes)).lower(lowering_platforms=platforms)


def _assemble(engine: Engine, requests: Sequence[Request], chosen: Sampler) -> tuple[Program, Inputs]:
    """Requests of one bucket, with equally many variants each -> the program that decodes them, and its arrays."""
    vocab, size = engine.vocab, max(r.bucket for r in requests)
    kinds = tuple(dict.fromkeys(r.grammar for r in requests))
    merged, starts = grammar.union(vocab, kinds)
    start_of = dict(zip(kinds, starts))
    shared = len(requests) > 1 and len({tuple(map(tuple, r.prefixes)) for r in requests}) == 1
    rows = Rows(
        weights_BxV=np.clip([r.weights for r in requests], -1e20, 1e20).astype(np.float32),  # no logit overflows
        seeds_B=np.array([r.seed for r in requests], np.uint32),
        starts_B=np.array([start_of[r.grammar] for r in requests], np.int32),
        limits_B=np.array([r.grammar.length for r in requests], np.int32),
        imposed_BxL=_imposed_places(vocab, merged, requests) if any(len(r.imposed) for r in requests) else None,
    )
    prefixes = Prefixes(*pad([prefix for r in requests[: 1 if shared else None] for prefix in r.prefixes], size))
    tables = Tables(merged.ids(vocab), merged.allowed_SxU, merged.follow_SxU, chosen.numbers)
    count = vocab.text_size if merged.text is None else merged.text.size
    text = "all" if count == vocab.text_size else "some" if count else "none"
    program = Program(
        engine.decoder, vocab, merged.length, chosen.kind, engine.cache, text=text, image=merged.image, shared=shared
    )
    return program, Inputs(engine.params, rows, prefixes, tables)


def _imposed_places(vocab: Vocab, merged: Grammar, requests: Sequence[Request]) -> np.ndarray:
    """int32 [B,L]: places of imposed ids among the ids of the merged grammar, -1 where none is imposed."""
    known = merged.ids(vocab)
    places_BxL = np.full((len(requests), merged.length), -1, np.int32)
    for row, r in zip(places_BxL, requests):
        imposed = np.asarray(r.imposed, np.int32)
        places = np.minimum(np.searchsorted(known, imposed), len(known) - 1)
        if (known[places] != imposed)[imposed >= 0].any() or len(imposed) > r.grammar.length:
            raise WrongArgument("`imposed` holds more ids than the span, or one that the grammar does not know")
        row[: len(imposed)] = np.where(imposed < 0, -1, places)
    return places_BxL


def _spread(program: Program, inputs: Inputs, spread: Callable[[Any], Any]) -> Inputs:
    """The inputs with what differs from row to row spread over the devices."""
    prefixes = inputs.prefixes if program.shared else spread(inputs.prefixes)
    return dataclasses.replace(inputs, rows=spread(inputs.rows), prefixes=prefixes)
