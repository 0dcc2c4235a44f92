"""Generation: requests in, ids out. The compiled program is in `decoding_program`.

Axis legend: B rows, L ids of the longest span.

Rows of one bucket share a program, whatever their tasks; a row's random numbers depend only on its own seed. A prefix
that all rows share, as for many faces of one prompt, runs once, is stored once and is read once per step.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from t2f_jax import arguments
from t2f_jax.environment import computes
from t2f_jax.errors import UserError, WrongArgument
from t2f_jax.inference import grammar
from t2f_jax.inference.batching import bucket, group_rows, pad, pad_to_power_of_two
from t2f_jax.inference.decoding_program import decode, decode_watched
from t2f_jax.inference.decoding_state import Inputs, Prefixes, Program, Rows, Tables
from t2f_jax.inference.engine import NO_NUMBERS, Engine
from t2f_jax.inference.grammar import Grammar
from t2f_jax.inference.sampler import Sampler
from t2f_jax.tokens.vocab import Vocab

LARGEST_BATCH = 64  # rows decoded together


@dataclasses.dataclass(frozen=True)
class Request:
    """One row to generate.

    Attributes:
      prefixes: the prefix in one or more variants, ids of any lengths.
      grammar: the ids that the span may hold. A question given before an answer is part of it.
      seed: from 0 to 2^32 - 1.
      weights: of the variants' logits, which are summed, see `guided`.
      imposed: fixed ids of the span's places, -1 for sampled ones; empty: all are sampled.

    Raises:
      WrongArgument: no prefix or an empty one, a number of weights other than that of variants, or a seed out of range.
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
    """A request's prefixes and weights for classifier-free guidance: the weights sum to 1.

    Args:
      clauses: (prefix, weight) of each clause of a prompt, see `tokens.prompts`. A single one of weight 1 needs no
        second variant, so it costs half.
      wordless: the prefix without text (`sequence.text_prefix` of "").
    """
    prefixes, weights = tuple(prefix for prefix, _ in clauses), tuple(weight for _, weight in clauses)
    if weights == (1,):
        return prefixes, (1.0,)
    return (*prefixes, wordless), (*weights, 1 - sum(weights))


@dataclasses.dataclass(frozen=True)
class Watch:
    """A callback that sees ids while they are sampled.

    Attributes:
      every: number of ids between calls of `tell`.
      tell: called with the numbers of the requests that are sampled together and their ids so far, int32 [B, drawn].
    """

    every: int
    tell: Callable[[Sequence[int], np.ndarray], object]

    def __post_init__(self) -> None:
        object.__setattr__(self, "every", arguments.whole_number("every", self.every, 1))


@computes
def generate(
    engine: Engine,
    requests: Sequence[Request],
    chosen: Sampler,
    batch_size: int = LARGEST_BATCH,
    watch: Watch | None = None,
) -> list[np.ndarray]:
    """Continues every request's prefix with ids that its grammar allows.

    Args:
      requests: rows of any tasks and lengths; those of one bucket are decoded together.
      chosen: the sampler. A row is a pure function of (weights, request, sampler), except that the batch size may
        change its last bits. The sampler's `guidance` has no effect here: the requests' variants hold it, see `guided`.
      batch_size: largest number of rows decoded together.
      watch: sees the ids while they are sampled, at a small cost; they are the same, except for those last bits.

    Returns:
      For each request an int32 array of ids, without the closing [SEP] of a text or an answer.

    Raises:
      WrongArgument: prefix and span exceed a learned position table, or imposed ids that are not in a grammar.
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
            inputs = _spread(program, inputs, engine.spread)
            if watch is None:
                out, sound = decode(program, inputs)
            else:
                out, sound = decode_watched(program, inputs, watch.every, _telling(watch, rows))
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
    """The program that decodes `requests`, all of one bucket, together: traced, neither compiled nor run.

    Args:
      engine: its parameters may be shapes, and the devices of its mesh need not exist.
      platforms: what to lower for, such as ("cuda",), if not for the mesh's devices.
    """
    program, inputs = _assemble(engine, requests, chosen)
    with jax.set_mesh(engine.mesh):
        return decode.trace(program, _spread(program, inputs, engine.spread_shapes)).lower(lowering_platforms=platforms)


def _assemble(engine: Engine, requests: Sequence[Request], chosen: Sampler) -> tuple[Program, Inputs]:
    """Requests of one bucket with the same number of variants -> the program that decodes them, and its arrays."""
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
    """int32 [B,L]: indices of imposed ids among the ids of the merged grammar, -1 where none is imposed."""
    known = merged.ids(vocab)
    places_BxL = np.full((len(requests), merged.length), -1, np.int32)
    for row, r in zip(places_BxL, requests):
        imposed = np.asarray(r.imposed, np.int32)
        places = np.minimum(np.searchsorted(known, imposed), len(known) - 1)
        if (known[places] != imposed)[imposed >= 0].any() or len(imposed) > r.grammar.length:
            raise WrongArgument("`imposed` holds more ids than the span, or one that the grammar does not know")
        row[: len(imposed)] = np.where(imposed < 0, -1, places)
    return places_BxL


def _telling(watch: Watch, rows: Sequence[int]) -> Callable[[np.ndarray], object]:
    """`watch.tell` for the requests `rows`, without those that pad the batch."""
    return lambda ids: watch.tell(rows, ids[: len(rows)])


def _spread(program: Program, inputs: Inputs, spread: Callable[[Any], Any]) -> Inputs:
    """The inputs, with everything that differs by row spread over the devices."""
    prefixes = inputs.prefixes if program.shared else spread(inputs.prefixes)
    return dataclasses.replace(inputs, rows=spread(inputs.rows), prefixes=prefixes)
