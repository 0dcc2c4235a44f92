"""Exact likelihoods of candidate answers: every attribute of a face in one pass over a tree of tokens.

All questions with all their candidate answers form a trie that hangs on the image prefix, for example

    PREFIX - gender - : - male          PREFIX runs once and is cached; the nodes of the tree run in one pass behind it,
                        - female        each seeing the prefix and its own ancestors, at position prefix length + depth.
           - age    - : - 1 - 0         A candidate's probability is the product over its tokens and the closing [SEP],
                            - 1         each read at the node before it.

Axis legend: B faces, P prefix bucket, N nodes, C candidates (of all attributes), S tokens of the longest candidate.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax import sampling, sequence
from t2f_jax.engine import Engine, span_logits
from t2f_jax.models.decoder import Decoder, run
from t2f_jax.sequence import Branch, Encoder, Example
from t2f_jax.templates import Attribute, attribute_question
from t2f_jax.vocab import Vocab


@dataclasses.dataclass(frozen=True, eq=False)
class Tree:
    """The trie of some attributes' questions and candidates. Compared by identity: `tree` makes each only once."""

    tokens_N: np.ndarray  # int32
    depth_N: np.ndarray  # int32, 0 for the first token of a question
    ancestors_NxN: np.ndarray  # bool, row: node, column: itself or one above it
    nodes_CxS: np.ndarray  # int32: node at which each of a candidate's tokens is predicted
    targets_CxS: np.ndarray  # int32: those tokens, closing [SEP] included
    scored_CxS: np.ndarray  # bool: False behind a candidate's end
    ends: tuple[int, ...]  # the candidates of attribute a end at place ends[a] of C

    @property
    def deepest(self) -> int:
        """Tokens on the longest path."""
        return int(self.depth_N.max()) + 1


@functools.lru_cache(maxsize=64)
def tree(vocab: Vocab, tok: Encoder, attributes: tuple[Attribute, ...]) -> Tree:
    """The tree of `attributes`, kept for the next call."""
    tokens: list[int] = []
    parents: list[int] = []
    children: dict[tuple[int, int], int] = {}
    paths: list[list[int]] = []
    targets: list[tuple[int, ...]] = []
    ends: list[int] = []

    def walk(node: int, ids: Sequence[int]) -> list[int]:
        path = []
        for token in ids:
            if (node, token) not in children:
                children[node, token] = len(tokens)
                tokens.append(token)
                parents.append(node)
            node = children[node, token]
            path.append(node)
        return path

    for attribute in attributes:
        question = sequence.question(tok, attribute_question(attribute.name))
        last = walk(-1, question)[-1]
        for text in attribute.answers():
            ids = sequence.answer(vocab, tok, text)
            paths.append([last, *walk(last, ids[:-1])])
            targets.append(ids)
        ends.append(len(paths))

    count = len(tokens)
    ancestors, depth = np.eye(count, dtype=bool), np.zeros(count, np.int32)
    for node, parent in enumerate(parents):  # a parent stands before its children
        if parent >= 0:
            ancestors[node] |= ancestors[parent]
            depth[node] = depth[parent] + 1
    shape = (len(paths), max(map(len, paths)))
    nodes_CxS, targets_CxS, scored_CxS = np.zeros(shape, np.int32), np.zeros(shape, np.int32), np.zeros(shape, bool)
    for c, (path, ids) in enumerate(zip(paths, targets)):
        nodes_CxS[c, : len(path)], targets_CxS[c, : len(ids)], scored_CxS[c, : len(ids)] = path, ids, True
    return Tree(np.array(tokens, np.int32), depth, ancestors, nodes_CxS, targets_CxS, scored_CxS, tuple(ends))


def _log_probs(vocab: Vocab, params: Any, hidden: jax.Array, kind: str) -> jax.Array:
    """Final-norm output [...,M] -> log-probabilities of the span's ids, as `sampling` draws them; -inf: not allowed."""
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
    _, cache, next_B = sampling.prefill(decoder, vocab, params, ids_BxP, lengths_B, size + count)
    seen = jnp.concatenate(
        [
            jnp.broadcast_to((jnp.arange(size)[None] < lengths_B[:, None])[:, None], (batch, count, size)),
            jnp.broadcast_to(tree.ancestors_NxN[None], (batch, count, count)),
        ],
        axis=-1,
    )
    tokens = jnp.broadcast_to(tree.tokens_N, (batch, count))
    positions = next_B[:, None] + tree.depth_N[None]
    hidden, _ = run(decoder, params, tokens, jnp.full_like(tokens, 2), positions, seen, cache, size, method="extend")
    log_probs = _log_probs(vocab, params, hidden, "text")
    picked = log_probs[:, tree.nodes_CxS, tree.targets_CxS]
    return jnp.where(tree.scored_CxS, picked, 0.0).sum(-1)


def score_attributes(
    engine: Engine, tok: Encoder, prefixes: Sequence[Sequence[int]], attributes: Sequence[Attribute]
) -> list[dict[str, np.ndarray]]:
    """Probability of every candidate answer to every attribute's question.

    Args:
      prefixes: to-attributes prefixes (`sequence.image_prefix`), ids.

    Returns:
      For each prefix {attribute name: float64 [len(attribute.candidates())]}, each summing to 1: the candidates' exact
      probabilities, among the text ids, normalised over the candidates.

    Raises:
      UserError: a prefix with its answers exceeds a learned position table.
    """
    if not prefixes or not attributes:
        return [{} for _ in prefixes]
    candidates = tree(engine.vocab, tok, tuple(attributes))
    engine.check_length(max(map(len, prefixes)) + candidates.deepest)
    results: list[dict[str, np.ndarray]] = [{}] * len(prefixes)
    for size, rows in sampling.batches([sampling.bucket(len(p)) for p in prefixes]):
        ids, lengths = sampling.padded(sampling.filled([prefixes[r] for r in rows]), size)
        scores = _score_tree(engine.decoder, engine.vocab, candidates, engine.params, ids, lengths)
        scores = np.asarray(scores, np.float64)
        for row, line in zip(rows, scores):
            parts = np.split(line, candidates.ends[:-1])
            results[row] = {a.name: _normalise(part) for a, part in zip(attributes, parts)}
    return results


def _normalise(log_probs: np.ndarray) -> np.ndarray:
    probs = np.exp(log_probs - log_probs.max())
    return probs / probs.sum()


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _score_rows(decoder: Decoder, vocab: Vocab, kind: str, params: Any, rows: dict[str, jax.Array]) -> jax.Array:
    inputs = (rows["tokens"], rows["segments"], rows["positions"])
    hidden = run(decoder, params, *inputs, method="hidden")
    log_probs = _log_probs(vocab, params, hidden, kind)
    first = vocab.image_span[0] if kind == "image" else vocab.text_span[0]
    scored = rows["weights"] > 0
    place = jnp.where(scored, rows["targets"] - first, 0)
    picked = jnp.take_along_axis(log_probs, place[..., None], -1)[..., 0]
    return jnp.where(scored, picked, 0.0).sum(-1)


def score_text(
    engine: Engine, prefixes: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], kind: str = "text"
) -> list[float]:
    """Log-likelihood (nats) of one answer for each prefix: a caption with its [SEP], or (kind "image") an image's ids.

    Raises:
      UserError: a prefix with its answer exceeds a learned position table.
    """
    if not prefixes:
        return []
    lengths = [len(p) + len(a) for p, a in zip(prefixes, answers, strict=True)]
    engine.check_length(max(lengths))
    decoder, vocab = engine.decoder, engine.vocab
    results = [0.0] * len(prefixes)
    assemble = functools.partial(sequence.assemble, image_position=decoder.config.image_position)
    for size, rows in sampling.batches([sampling.bucket(n) for n in lengths]):
        examples = [
            Example(
                tuple(prefixes[r]),
                (Branch((), tuple(answers[r])),),
                sequence.TO_IMAGE,
                sequence.image_index(vocab, prefixes[r]),
            )
            for r in rows
        ]
        scores = _score_rows(decoder, vocab, kind, engine.params, assemble(sampling.filled(examples), size))
        for row, score in zip(rows, np.asarray(scores)):
            results[row] = float(score)
    return results


@dataclasses.dataclass(frozen=True)
class Number:
    """What a distribution over whole numbers says: `mean`, `median`, `mode`, and the central 90% `low` .. `high`."""

    mean: float
    median: int
    mode: int
    low: int
    high: int


def number(attribute: Attribute, probs: np.ndarray) -> Number:
    """Probabilities [high - low + 1] of a number's candidates -> its summary, in the attribute's units."""
    values = np.arange(attribute.low, attribute.high + 1)
    below = np.cumsum(probs) / np.sum(probs)

    def quantile(share: float) -> int:
        return int(values[min(np.searchsorted(below, share - 1e-12), len(values) - 1)])

    mean = float(np.dot(values, probs) / np.sum(probs))
    return Number(mean, quantile(0.5), int(values[np.argmax(probs)]), quantile(0.05), quantile(0.95))
