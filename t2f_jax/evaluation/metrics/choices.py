"""Figures of answers to a choice: accuracy, balanced accuracy, F1, average precision, Brier score, calibration error.

Axes: N examples, A attributes, V values of an attribute.
"""

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line
from t2f_jax.evaluation.metrics.calibration import calibration_error
from t2f_jax.tokens.attributes import Attribute

SHARE: dict[str, Any] = {"unit": "share", "better": "higher"}
YES_NO = ("no", "yes")


@dataclasses.dataclass(frozen=True)
class Answers:
    """The answers about one choice attribute of N examples, and the true values.

    Attributes:
      probs: of the attribute's values, float64 [N, V]; each row sums to 1.
      truth: index of the true value, int [N]; -1 if it is unknown: the example is not scored.
      usual: the most frequent value of the training faces, the baseline; None if it is not known.
      shares: how often training faces have each value, float64 [V]; None if it is not known.
    """

    attribute: Attribute
    probs: np.ndarray
    truth: np.ndarray
    usual: str | None = None
    shares: np.ndarray | None = None

    @classmethod
    def of(cls, attribute: Attribute, probs_NxV: np.ndarray, labels: Sequence[Any], training: Counter) -> "Answers":
        """From labels (None if unknown) and the counts of training faces' labels; rows are normalized."""
        places = {value: i for i, value in enumerate(attribute.values)}
        truth = np.array([-1 if v is None else places[str(v)] for v in labels], int)
        probs = np.asarray(probs_NxV, np.float64)
        counts = {value: training[value] for value in attribute.values}
        usual = max(counts, key=lambda value: counts[value]) if any(counts.values()) else None
        shares = np.array([*counts.values()]) / sum(counts.values()) if usual is not None else None
        return cls(attribute, probs / probs.sum(axis=1, keepdims=True), truth, usual, shares)

    @property
    def known(self) -> np.ndarray:
        """Whether the true value is known, bool [N]."""
        return self.truth >= 0

    @property
    def right(self) -> np.ndarray:
        """Whether the most likely value is correct, float64 [N]; NaN if the label is unknown."""
        return np.where(self.known, self.probs.argmax(axis=1) == self.truth, np.nan)

    def by_share(self) -> "Answers":
        """The same answers with probabilities divided by the values' shares and normalized.

        If the probabilities are correct, the most likely value has the highest expected accuracy, and that of these
        answers the highest balanced accuracy. Source: Menon et al., Long-tail learning via logit adjustment, 2021,
        arXiv:2007.07314, with tau 1.
        """
        assert self.shares is not None
        over_NxV = np.where(self.shares > 0, self.probs / np.maximum(self.shares, 1e-12), 0)
        total_Nx1 = over_NxV.sum(axis=1, keepdims=True)
        return dataclasses.replace(
            self, probs=np.where(total_Nx1 > 0, over_NxV / np.maximum(total_Nx1, 1e-300), self.probs)
        )


def confusion(answers: Answers) -> np.ndarray:
    """How many examples of each true value (row) got each answer (column), int [V, V]."""
    table = np.zeros((answers.probs.shape[1],) * 2, int)
    np.add.at(table, (answers.truth[answers.known], answers.probs.argmax(axis=1)[answers.known]), 1)
    return table


def average_precision(score_N: np.ndarray, true_N: np.ndarray) -> float:
    """The mean precision over the true examples, ranked by score; equal scores share a rank.

    Source: the area under the steps of the precision-recall curve, as scikit-learn's `average_precision_score`.

    Raises:
      ValueError: there is no true example.
    """
    if not np.any(true_N):
        raise ValueError("average precision needs a true example")
    order = np.argsort(-score_N, kind="stable")
    last = np.append(np.diff(score_N[order]) != 0, True)  # of each group of equal scores
    hits, ranks = np.cumsum(true_N[order])[last], np.arange(1, len(order) + 1)[last]
    return float(np.sum(np.diff(hits, prepend=0) * hits / ranks) / hits[-1])


def brier_scores(answers: Answers) -> np.ndarray:
    """Half the squared distance of the probabilities from the truth, 0 (best) to 1, [N]; NaN if unknown.

    For two values it is (p - 1[true])². Source: Brier, Verification of Forecasts Expressed in Terms of Probability,
    Monthly Weather Review 1950, there without the half.
    """
    truth_NxV = np.eye(answers.probs.shape[1])[answers.truth]
    return np.where(answers.known, np.square(answers.probs - truth_NxV).sum(axis=1) / 2, np.nan)


def choice_figures(all_answers: Sequence[Answers]) -> list[Figure]:
    """The means over choices (for CelebA's 40 accuracies, what papers call mAcc), then the figures of each choice.

    For a yes-or-no attribute, F1 and average precision are those of "yes".
    """
    all_answers = [answers for answers in all_answers if answers.known.any()]
    if not all_answers:
        return []
    hits_NxA = np.stack([answers.right for answers in all_answers], axis=1)
    both = np.concatenate([np.nan_to_num(hits_NxA), ~np.isnan(hits_NxA)], axis=1)
    line = _line("accuracy", mean="attributes", **_of([answers.attribute for answers in all_answers]))
    figures = [of_examples("attributes/accuracy", both, **SHARE, protocol=line)]
    every = [_figures(answers) for answers in all_answers]
    for metric in ("balanced_accuracy", "balanced_accuracy_by_share", "f1", "average_precision", "majority_accuracy"):
        found = zip(all_answers, every, strict=True)
        some = [(a.attribute, figure) for a, one in found for figure in one if figure.name.endswith(f"/{metric}")]
        if some:
            figures.append(_mean(f"attributes/{metric}", *zip(*some)))
    return [*figures, _error_figure("attributes/ece", all_answers), *(figure for one in every for figure in one)]


def _figures(answers: Answers) -> list[Figure]:
    """All figures of one choice."""
    name = f"attributes/{answers.attribute.name}"
    recall = _line("balanced accuracy", mean="recall of values that occur")
    brier = protocol_line("brier", range="0-1", version=1)
    figures = [
        of_examples(f"{name}/accuracy", answers.right, **SHARE, protocol=_line("accuracy")),
        of_examples(f"{name}/balanced_accuracy", recall_statistics(answers), **SHARE, protocol=recall),
        of_examples(f"{name}/brier", brier_scores(answers), unit="", better="lower", protocol=brier),
        _error_figure(f"{name}/ece", [answers]),
    ]
    if answers.shares is not None:
        line = protocol_line(
            "balanced accuracy", of="p over training share", mean="recall of values that occur", version=1
        )
        by_share = recall_statistics(answers.by_share())
        figures.insert(2, of_examples(f"{name}/balanced_accuracy_by_share", by_share, **SHARE, protocol=line))
    statistics = f1_statistics(answers)
    if statistics.any():
        mean = "yes alone" if answers.attribute.values == YES_NO else "values that occur"
        f1 = of_examples(f"{name}/f1", statistics, **SHARE, protocol=_line("f1", mean=mean))
        figures.append(dataclasses.replace(f1, n=int(answers.known.sum())))
    true = answers.truth[answers.known] == 1
    if answers.attribute.values == YES_NO and true.any():
        precision = average_precision(answers.probs[answers.known, 1], true)
        line = protocol_line("ap", of="yes", version=1)
        figures.append(Figure(f"{name}/average_precision", precision, len(true), **SHARE, protocol=line))
    if answers.usual is not None:
        usual = answers.attribute.values.index(answers.usual)
        hits = np.where(answers.known, answers.truth == usual, np.nan)
        line = protocol_line("accuracy", of="commonest value of training faces", version=1)
        figures.append(of_examples(f"{name}/majority_accuracy", hits, unit="share", better="", protocol=line))
    return figures


def _mean(name: str, attributes: Sequence[Attribute], figures: Sequence[Figure]) -> Figure:
    """The mean of the same figure of several attributes, without an interval."""
    implementation, *choices = figures[0].protocol.split("|")
    of = [f"{key}:{value}" for key, value in _of(attributes).items()]
    line = "|".join([implementation, *choices[:-1], *of, choices[-1]])
    value, n = float(np.mean([figure.value for figure in figures])), max(figure.n for figure in figures)
    return Figure(name, value, n, "share", figures[0].better, line)


def _of(attributes: Sequence[Attribute]) -> dict[str, object]:
    """The attributes of a mean, for the protocol: their number, and a fingerprint of their names and values."""
    known = json.dumps(sorted([a.name, *a.values] for a in attributes))
    return {"attributes": len(attributes), "names": hashlib.sha256(known.encode()).hexdigest()[:8]}


def _error_figure(name: str, all_answers: Sequence[Answers]) -> Figure:
    """The calibration error of the most likely values. Resampling would bias it upwards, so it has no interval."""
    confidence = np.concatenate([a.probs.max(axis=1)[a.known] for a in all_answers])
    right = np.concatenate([a.right[a.known] for a in all_answers])
    error = calibration_error(confidence, right)
    line = protocol_line("ece", of="likeliest", bins="equal mass", count="cube root of n", version=1)
    return Figure(name, error, len(right), "share", "lower", line)


def recall_statistics(answers: Answers) -> np.ndarray:
    """For each value whether it is true and answered, then whether it is true, [N, 2V], for `stats.ratios`."""
    true_NxV = answers.truth[:, None] == np.arange(answers.probs.shape[1])
    return np.concatenate([true_NxV * np.nan_to_num(answers.right)[:, None], true_NxV], axis=1).astype(np.float64)


def f1_statistics(answers: Answers) -> np.ndarray:
    """For "yes", or for each value: 2 if it is true and answered; then how often (0 to 2) it is either, [N, 2V]."""
    values = np.arange(answers.probs.shape[1])
    if answers.attribute.values == YES_NO:
        values = values[1:]
    true = (answers.truth[:, None] == values) & answers.known[:, None]
    said = (answers.probs.argmax(axis=1)[:, None] == values) & answers.known[:, None]
    return np.concatenate([2.0 * (true & said), true.astype(float) + said], axis=1)


def _line(metric: str, **choices: object) -> str:
    return protocol_line(metric, of="likeliest", **choices, version=1)
