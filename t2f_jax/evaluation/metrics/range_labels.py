"""Figures of a number of which only a range is known, such as the age groups of FairFace.

A range's probability is the sum over its numbers. Axes: N examples, V numbers, R ranges.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line
from t2f_jax.evaluation.metrics.numbers import is_exact
from t2f_jax.inference.answers import quantile
from t2f_jax.tokens.attributes import Attribute


@dataclasses.dataclass(frozen=True)
class RangeAnswers:
    """The predicted distributions of N examples, and the true ranges.

    Attributes:
      ranges: those that occur among the labels, including the training faces', sorted by their lowest number.
      probs: of the ranges, float64 [N, R].
      truth: index of the true range, int [N]; -1 if no range is known: the example is not scored.
      median_inside: whether the distribution's median is in the true range, float64 [N]; NaN if none is known.
      usual: the most frequent range of the training faces, the baseline; None if there is none.
    """

    attribute: Attribute
    ranges: tuple[str, ...]
    probs: np.ndarray
    truth: np.ndarray
    median_inside: np.ndarray
    usual: str | None = None

    @classmethod
    def of(
        cls, attribute: Attribute, probs_NxV: np.ndarray, labels: Sequence[Any], training: Counter
    ) -> "RangeAnswers":
        """From labels (ranges; None or a number if no range is known) and the counts of training labels."""
        probs = np.asarray(probs_NxV, np.float64)
        probs = probs / probs.sum(axis=1, keepdims=True)
        truth, some = ([v for v in values if _is_range(attribute, v)] for values in (labels, training))
        first = {text: attribute.places(text)[0] for text in sorted([*truth, *some])}
        ranges = tuple(sorted(first, key=lambda text: first[text]))
        sums = [probs[:, attribute.places(text)].sum(axis=1) for text in ranges]
        places = [ranges.index(v) if v in first else -1 for v in labels]
        median = quantile(probs, 0.5)
        inside = [float(m in attribute.places(v)) if v in first else np.nan for m, v in zip(median, labels)]
        return cls(
            attribute,
            ranges,
            np.stack(sums, axis=1) if sums else np.zeros((len(probs), 0)),
            np.array(places, int),
            np.array(inside, np.float64),
            max(sorted(some), key=lambda text: training[text]) if some else None,
        )

    @property
    def known(self) -> np.ndarray:
        """Whether the range is known, bool [N]."""
        return self.truth >= 0

    @property
    def right(self) -> np.ndarray:
        """Whether the most likely range is correct, float64 [N]; NaN if none is known."""
        if not self.ranges:
            return np.full(len(self.truth), np.nan)
        return np.where(self.known, self.probs.argmax(axis=1) == self.truth, np.nan)


def range_figures(answers: RangeAnswers) -> list[Figure]:
    """The accuracy of the ranges, and the share of medians inside them; no figures if no range is known."""
    if not answers.known.any():
        return []
    line = protocol_line("range accuracy", of="likeliest", over=f"{len(answers.ranges)} ranges that occur", version=1)
    inside = protocol_line("median inside its range", version=1)
    name = f"attributes/{answers.attribute.name}"
    return [
        of_examples(f"{name}/range_accuracy", answers.right, unit="share", better="higher", protocol=line),
        of_examples(f"{name}/median_inside", answers.median_inside, unit="share", better="higher", protocol=inside),
    ]


def _is_range(attribute: Attribute, label: str | int | None) -> bool:
    return label is not None and not is_exact(attribute, label)
