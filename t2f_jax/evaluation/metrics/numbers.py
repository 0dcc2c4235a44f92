"""Figures of predicted distributions of a number such as an age: errors of point predictions, coverage, CRPS.

MAE of the median, of the mean and of the most likely number are three metrics. Axes: N examples, V numbers.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line
from t2f_jax.inference.answers import quantile
from t2f_jax.tokens.attributes import Attribute

WITHIN = (3, 5, 10)  # k of the cumulative scores
CENTRAL = (50, 80, 90, 95)  # percent of the central intervals


@dataclasses.dataclass(frozen=True)
class NumberAnswers:
    """The predicted distributions of N examples, and the true numbers.

    Attributes:
      probs: of the attribute's numbers, low to high, float64 [N, V]; each row sums to 1.
      truth: float64 [N]; NaN if the number is unknown: the example is not scored.
      training_mean: the mean of the training faces, the baseline; None if it is not known.
    """

    attribute: Attribute
    probs: np.ndarray
    truth: np.ndarray
    training_mean: float | None = None

    @classmethod
    def of(
        cls, attribute: Attribute, probs_NxV: np.ndarray, labels: Sequence[Any], training: Counter
    ) -> "NumberAnswers":
        """From labels (None or a range if the number is unknown) and the counts of training faces' labels."""
        truth = np.array([float(v) if is_exact(attribute, v) else np.nan for v in labels], np.float64)
        known = [(int(v), n) for v, n in training.items() if is_exact(attribute, v)]
        probs = np.asarray(probs_NxV, np.float64)
        mean = sum(v * n for v, n in known) / sum(n for _, n in known) if known else None
        return cls(attribute, probs / probs.sum(axis=1, keepdims=True), truth, mean)

    @property
    def numbers(self) -> np.ndarray:
        """The numbers of the columns of `probs`, float64 [V]."""
        return np.arange(self.attribute.low, self.attribute.high + 1, dtype=np.float64)

    def at(self, share: float) -> np.ndarray:
        """The quantile of each distribution, [N]."""
        return self.numbers[quantile(self.probs, share)]


def is_exact(attribute: Attribute, label: str | int | None) -> bool:
    """Is the number itself known, and not only a range?"""
    return label is not None and len(attribute.numbers(label)) == 1


def mean_error(answers: NumberAnswers) -> np.ndarray:
    """The expected absolute error of a number sampled from the distribution, [N]."""
    return (answers.probs * np.abs(answers.numbers - answers.truth[:, None])).sum(axis=1)


def crps(answers: NumberAnswers) -> np.ndarray:
    """The continuous ranked probability score, at least 0 (best), in the unit of the number, [N].

    The squared difference of the predicted and the true distribution function, summed over the numbers; for a certain
    answer it is the absolute error. Source: Gneiting & Raftery, Strictly Proper Scoring Rules, JASA 2007, section 4.2.
    """
    beyond = answers.truth[:, None] <= answers.numbers
    squared = np.square(np.cumsum(answers.probs, axis=1) - beyond).sum(axis=1)
    return np.where(np.isnan(answers.truth), np.nan, squared)


def covered(answers: NumberAnswers, percent: float) -> np.ndarray:
    """Whether the true number is in the central interval of this many percent, float64 [N]; NaN if unknown.

    An interval ends on whole numbers, so that of a well calibrated answer covers slightly more than its percentage.
    """
    tail = (1 - percent / 100) / 2
    inside = (answers.at(tail) <= answers.truth) & (answers.truth <= answers.at(1 - tail))
    return np.where(np.isnan(answers.truth), np.nan, inside)


def number_figures(answers: NumberAnswers) -> list[Figure]:
    """All figures of one number; none if it is unknown for all examples."""
    if np.isnan(answers.truth).all():
        return []
    name, unit = f"attributes/{answers.attribute.name}", "years" if answers.attribute.name == "age" else ""
    error = np.abs(answers.at(0.5) - answers.truth)
    points = {
        "mae": ("median", error),
        "mae_expectation": ("mean", np.abs(answers.probs @ answers.numbers - answers.truth)),
        "mae_mode": ("likeliest", np.abs(answers.numbers[answers.probs.argmax(axis=1)] - answers.truth)),
        "mae_sampled": ("a sample", mean_error(answers)),
    }
    if answers.training_mean is not None:
        points["mae_training_mean"] = ("mean of training faces", np.abs(answers.training_mean - answers.truth))
    figures = [
        of_examples(
            *(f"{name}/{point}", errors),
            unit=unit,
            better="" if point == "mae_training_mean" else "lower",
            protocol=protocol_line("mae", of=of, version=1),
        )
        for point, (of, errors) in points.items()
    ]
    for k in WITHIN:
        within = np.where(np.isnan(error), np.nan, error <= k)
        line = protocol_line("cs", k=k, of="median", version=1)
        figures.append(of_examples(f"{name}/cs{k}", within, unit="share", better="higher", protocol=line))
    for percent in CENTRAL:
        line = protocol_line("coverage", interval=f"central {percent}%", version=1)
        inside = covered(answers, percent)
        figures.append(of_examples(f"{name}/coverage{percent}", inside, unit="share", better="", protocol=line))
    line = protocol_line("crps", steps="whole numbers", version=1)
    return [*figures, of_examples(f"{name}/crps", crps(answers), unit=unit, better="lower", protocol=line)]
