"""Facts that captions state about their faces: precision, recall and repetition."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line
from t2f_jax.tokens import facts

REPEATED = 4  # consecutive words that a caption should not contain twice


class FactCounts(NamedTuple):
    """The fields of `tokens.facts.Comparison` for N captions, float64 [N] each."""

    right: np.ndarray
    wrong: np.ndarray
    stated: np.ndarray
    missing: np.ndarray
    repeats: np.ndarray


def count_facts(captions: Sequence[str], labels: Sequence[Mapping[str, str | int]]) -> FactCounts:
    """Compares each caption with the labels of its face, {attribute: value}."""
    compared = [facts.compare(text, known) for text, known in zip(captions, labels, strict=True)]
    rows = [[c.right, c.wrong, c.positive, c.missing, c.repeats] for c in compared]
    return FactCounts(*np.array(rows, np.float64).reshape(-1, 5).T)


def repeats_words(tokens: Sequence[str]) -> bool:
    """Does a caption contain the same `REPEATED` consecutive words twice?"""
    runs = [tuple(tokens[i : i + REPEATED]) for i in range(len(tokens) - REPEATED + 1)]
    return len(set(runs)) < len(runs)


def fact_figures(captions: Sequence[str], labels: Sequence[Mapping[str, str | int]]) -> list[Figure]:
    """Precision, recall and repetition of stated facts over the examples; a share with nothing to count is left out."""
    counts = count_facts(captions, labels)
    figures = []
    for name, hits, others in (("precision", counts.right, counts.wrong), ("recall", counts.stated, counts.missing)):
        shares_Nx2 = np.stack([hits, hits + others], axis=1)
        if shares_Nx2[:, 1].any():
            line = protocol_line(f"fact {name}", facts="t2f_jax.tokens.facts", over="all faces", version=1)
            figures.append(
                of_examples(f"captions/fact_{name}", shares_Nx2, unit="share", better="higher", protocol=line)
            )
    line = protocol_line("repeats", facts="t2f_jax.tokens.facts", version=1)
    return [*figures, of_examples("captions/repeats", counts.repeats, unit="share", better="lower", protocol=line)]
