"""Exact probabilities of answers: every attribute of a face in one pass over a tree of tokens.

An answer's probability is that of constrained decoding (`grammar.answer`, temperature 1): at each place the model
chooses among the ids that may come next. If only one may, there is nothing to compute; the other places, of all
questions, are nodes of a tree that starts at the image prefix, for example

    PREFIX - gender - :         PREFIX runs once and is cached; the nodes of the tree run in one pass after it, each
           - age    - : - 1     seeing the prefix and its own ancestors, at position prefix length + depth. There is a
                        - 2     choice after "gender :" (male or female), another after "age : 1" (a digit or [SEP]).

Axis legend: B faces, P prefix bucket, N nodes, K nodes with a choice, C candidates (of all attributes), S choices on
the longest candidate's path, U ids that can be chosen.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax import arguments
from t2f_jax.environment import computes
from t2f_jax.errors import UserError
from t2f_jax.inference import decoding, decoding_program, grammar
from t2f_jax.inference.batching import bucket, group_rows, pad, pad_to_power_of_two
from t2f_jax.inference.engine import NO_NUMBERS, Engine, span_logits
from t2f_jax.models.decoder import Decoder, apply_decoder
from t2f_jax.tokens import sequence
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.sequence import Branch, Encoder, Example
from t2f_jax.tokens.vocab import Vocab


@dataclasses.dataclass(frozen=True, eq=False)
class Tree:
    """The tree of some attributes' questions and answers. Compared by identity: `tree` makes each only once."""

    tokens_N: np.ndarray  # int32
    depth_N: np.ndarray  # int32, 0 for the first token of a question
    ancestors_NxN: np.ndarray  # bool, row: node, column: itself or one above it
    choices_K: np.ndarray  # int32: the nodes after which there is a choice
    ids_U: np.ndarray  # int32, text ids
    allowed_KxU: np.ndarray  # bool: the ids that may be chosen there
    nodes_CxS: np.ndarray  # int32, 0..K-1: the choices on a candidate's path
    picks_CxS: np.ndarray  # int32, 0..U-1: the candidate's id at each of them
    real_CxS: np.ndarray  # bool: False after its last choice
    ends: tuple[int, ...]  # the candidates of attribute a end at index ends[a] of C

    @property
    def deepest(self) -> int:
        """Number of tokens on the longest path."""
        return int(self.depth_N.max()) + 1


@functools.lru_cache(maxsize=64)
def tree(vocab: Vocab, tok: Encoder, attributes: tuple[Attribute, ...]) -> Tree:
    """The tree of `attributes`; cached."""
    nodes: dict[tuple[int, ...], int] = {}  # a path of ids -> the node at its end
    choices: dict[tuple[str, int], tuple[int, int, np.ndarray]] = {}  # (question, state) -> number, node and ids
    taken: list[list[tuple[int, int]]] = []  # for each candidate: (number of the choice, id)
    ends: list[int] = []
    for attribute in attributes:
        g = grammar.answer(vocab, tok, attribute)
        known = g.ids(vocab)
        for path in grammar.answer_paths(vocab, tok, attribute):
            nodes.setdefault(path[:1], len(nodes))
            state, way = g.start, []
            for i, token in enumerate(path):
                if g.allowed_SxU[state].sum() > 1:
                    for j in range(1, i + 1):
                        nodes.setdefault(path[:j], len(nodes))
                    here = (len(choices), nodes[path[:i]], known[g.allowed_SxU[state]])
                    way.append((choices.setdefault((attribute.name, state), here)[0], token))
                state = g.follow_SxU[state, np.searchsorted(known, token)]
            taken.append(way)
        ends.append(len(taken))

    ids = np.unique(np.concatenate([some for _, _, some in choices.values()] or [np.zeros(1, np.int32)]))
    allowed = np.stack([np.isin(ids, some) for _, _, some in choices.values()] or [np.ones(len(ids), bool)])
    shape = (len(taken), max(map(len, taken)))
    places, picks, real = np.zeros(shape, np.int32), np.zeros(shape, np.int32), np.zeros(shape, bool)
    for c, way in enumerate(taken):
        for s, (number, token) in enumerate(way):
            places[c, s], picks[c, s], real[c, s] = number, np.searchsorted(ids, token), True
    ancestors = np.array([[path[: len(above)] == above for above in nodes] for path in nodes])
    return Tree(
        np.array([path[-1] for path in nodes], np.int32),
        np.array([len(path) - 1 for path in nodes], np.int32),
        ancestors,
        np.array([node for _, node, _ in choices.values()] or [0], np.int32),
        ids,
        allowed,
        places,
        picks,
        real,
        tuple(ends),
    )


def _log_probs(vocab: Vocab, params: Any, hidden: jax.Array, kind: str) -> jax.Array:
    """Final-norm output [...,M] -> log-probabilities of the span's ids as in `decoding`; -inf: not allowed."""
    logits = span_logits(params, hidden, kind)
    if kind == "text":
        logits = jnp.where(vocab.text_allowed(), logits, -jnp.inf)
    return jax.nn.log_softmax(logits)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _score_tree(
    decoder: Decoder, vocab: Vocab, tree: Tree, params: Any, ids_BxP: jax.Array, lengths_B: jax.Array
) -> jax.Array:
    """Log-probability of every candidate, float32 [B,C]."""
    batch, size = ids_BxP.shape
    count = len(tree.tokens_N)
    _, cache, next_B = decoding_program.prefill(decoder, vocab, params, ids_BxP, lengths_B, size + count)
    seen = jnp.concatenate(
        [
            jnp.broadcast_to((jnp.arange(size)[None] < lengths_B[:, None])[:, None], (batch, count, size)),
            jnp.broadcast_to(tree.ancestors_NxN[None], (batch, count, count)),
        ],
        axis=-1,
    )
    tokens = jnp.broadcast_to(tree.tokens_N, (batch, count))
    positions = next_B[:, None] + tree.depth_N[None]
    rows = (tokens, jnp.full_like(tokens, 2), positions)
    hidden, _ = apply_decoder(decoder, params, *rows, seen, cache, size, method="extend")
    logits = span_logits(params, hidden[:, tree.choices_K], "text", jnp.asarray(tree.ids_U))
    log_probs = jax.nn.log_softmax(jnp.where(tree.allowed_KxU, logits, -jnp.inf))
    picked = log_probs[:, tree.nodes_CxS, tree.picks_CxS]
    return jnp.where(tree.real_CxS, picked, 0.0).sum(-1)


@computes
def score_attributes(
    engine: Engine, tok: Encoder, prefixes: Sequence[Sequence[int]], attributes: Sequence[Attribute]
) -> list[dict[str, np.ndarray]]:
    """Probability of every candidate answer to every attribute's question.

    Args:
      prefixes: to-attributes prefixes (`sequence.image_prefix`), ids.

    Returns:
      For each prefix {attribute name: float64 [len(attribute.candidates())]}, each summing to 1: the exact
      probabilities with which constrained decoding gives the answers. The probability of a range of numbers is divided
      equally among its numbers.

    Raises:
      WrongArgument: a prefix with its answers exceeds a learned position table.
      UserError: the model computes NaN.
    """
    if not prefixes or not attributes:
        return [{} for _ in prefixes]
    candidates = tree(engine.vocab, tok, tuple(attributes))
    engine.check_length(max(map(len, prefixes)) + candidates.deepest)
    results: list[dict[str, np.ndarray]] = [{}] * len(prefixes)
    for size, rows in group_rows([bucket(len(p)) for p in prefixes], decoding.LARGEST_BATCH):
        ids, lengths = pad(pad_to_power_of_two([prefixes[r] for r in rows]), size)
        ids_BxP, lengths_B = engine.spread((ids, lengths))
        scores = _score_tree(engine.decoder, engine.vocab, candidates, engine.params, ids_BxP, lengths_B)
        scores = np.asarray(scores, np.float64)
        if np.isnan(scores).any():
            raise UserError(NO_NUMBERS)
        for row, line in zip(rows, scores):
            parts = np.split(line, candidates.ends[:-1])
            results[row] = {a.name: a.spread(np.exp(part) / np.exp(part).sum()) for a, part in zip(attributes, parts)}
    return results


@functools.partial(jax.jit, static_argnums=(0, 1))
def _face_means(decoder: Decoder, vocab: Vocab, params: Any, ids_BxP: jax.Array, lengths_B: jax.Array) -> jax.Array:
    hidden, _, _ = decoding_program.prefill(decoder, vocab, params, ids_BxP, lengths_B, ids_BxP.shape[1])
    first, count = vocab.image_span
    is_code = (ids_BxP >= first) & (ids_BxP < first + count) & (jnp.arange(ids_BxP.shape[1]) < lengths_B[:, None])
    return jnp.where(is_code[..., None], hidden.astype(jnp.float32), 0).sum(1) / is_code.sum(1)[:, None]


@computes
def face_features(engine: Engine, prefixes: Sequence[Sequence[int]]) -> np.ndarray:
    """The mean over a face's codes of the decoder's last hidden states, float32 [B, width].

    Args:
      prefixes: B prefixes with an image each (`sequence.image_prefix`), ids.

    Raises:
      WrongArgument: a prefix exceeds a learned position table.
      UserError: the model computes features that are not finite.
    """
    features = np.zeros((len(prefixes), engine.decoder.config.width), np.float32)
    engine.check_length(max(map(len, prefixes), default=0))
    for size, rows in group_rows([bucket(len(p)) for p in prefixes], decoding.LARGEST_BATCH):
        padded = engine.spread(pad(pad_to_power_of_two([prefixes[r] for r in rows]), size))
        found = _face_means(engine.decoder, engine.vocab, engine.params, *padded)
        features[rows] = np.asarray(found)[: len(rows)]
    if not np.isfinite(features).all():
        raise UserError(NO_NUMBERS)
    return features


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _score_rows(decoder: Decoder, vocab: Vocab, kind: str, params: Any, rows: dict[str, jax.Array]) -> jax.Array:
    inputs = (rows["tokens"], rows["segments"], rows["positions"])
    hidden = apply_decoder(decoder, params, *inputs, method="hidden")
    log_probs = _log_probs(vocab, params, hidden, kind)
    first = vocab.image_span[0] if kind == "image" else vocab.text_span[0]
    scored = rows["weights"] > 0
    place = jnp.where(scored, rows["targets"] - first, 0)
    picked = jnp.take_along_axis(log_probs, place[..., None], -1)[..., 0]
    return jnp.where(scored, picked, 0.0).sum(-1)


@computes
def score_text(
    engine: Engine, prefixes: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], kind: str = "text"
) -> list[float]:
    """Log-likelihood (nats) of one answer for each prefix: a caption with its [SEP], or (kind "image") an image's ids.

    -inf for a caption with an [UNK], which no answer can have.

    Raises:
      WrongArgument: a prefix with its answer exceeds a learned position table; the numbers of answers and prefixes
        differ.
      UserError: the model computes NaN.
    """
    arguments.choice("kind", kind, ("text", "image"))
    arguments.one_each("answers", answers, len(prefixes), "prefixes")
    if not prefixes:
        return []
    lengths = [len(p) + len(a) for p, a in zip(prefixes, answers)]
    engine.check_length(max(lengths))
    decoder, vocab = engine.decoder, engine.vocab
    results = [0.0] * len(prefixes)
    assemble = functools.partial(sequence.assemble, image_position=decoder.config.image_position)
    for size, rows in group_rows([bucket(n) for n in lengths], decoding.LARGEST_BATCH):
        examples = [
            Example(
                tuple(prefixes[r]),
                (Branch((), tuple(answers[r])),),
                sequence.TO_IMAGE,
                sequence.image_index(vocab, prefixes[r]),
            )
            for r in rows
        ]
        batch = engine.spread(assemble(pad_to_power_of_two(examples), size))
        scores = np.asarray(_score_rows(decoder, vocab, kind, engine.params, batch))
        if np.isnan(scores).any():
            raise UserError(NO_NUMBERS)
        for row, score in zip(rows, scores):
            results[row] = float(score)
    return results
