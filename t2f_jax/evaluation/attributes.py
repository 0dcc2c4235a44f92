"""How well a model predicts attributes of faces with known labels: figures with baselines and intervals.

Shares run from 0 to 1, a number's errors are in its unit (years for an age).
Axes: N faces, S image side, A attributes, V values of an attribute.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NotRequired, TypedDict

import numpy as np

from t2f_jax.evaluation.interfaces import Advance, Model, ignore
from t2f_jax.evaluation.metrics.calibration import Calibration, calibration
from t2f_jax.evaluation.metrics.choices import Answers, recall_statistics
from t2f_jax.evaluation.metrics.numbers import NumberAnswers, covered, mean_error
from t2f_jax.evaluation.metrics.range_labels import RangeAnswers
from t2f_jax.evaluation.stats import interval, ratios
from t2f_jax.tokens.attributes import Attribute, Fields


class ChoiceFigures(TypedDict):
    """Of one choice attribute over the `n` faces that have a label for it.

    `balanced_accuracy` is the mean recall over the values that occur. `majority` is the most frequent value of the
    training faces and gives the baseline; both are None if no training face has a label. `ece` is
    `calibration.calibration_error`.
    """

    n: int
    accuracy: float
    interval: list[float]
    balanced_accuracy: float
    majority: str | None
    majority_accuracy: float | None
    ece: float


class MeanFigures(TypedDict):
    """The means of the choice attributes' figures; the interval is that of the mean accuracy."""

    attributes: int
    interval: list[float]
    accuracy: float | None
    balanced_accuracy: float | None
    majority_accuracy: float | None


class NumberFigures(TypedDict):
    """Of one number attribute over the `n` faces whose number is known."""

    n: int
    mae: float  # of the distribution's median, which minimizes the expected absolute error
    interval: list[float]  # of `mae`
    mae_expectation: float  # of the distribution's mean
    mae_mode: float  # of the most likely number
    mae_sampled: float  # the expected error of a number sampled from the distribution
    training_mean: float | None
    mae_training_mean: float | None  # baseline: always the mean of the training faces
    cs5: float  # share of faces with an error of at most 5
    coverage80: float  # share of faces whose label lies in the central 80% interval
    pairs: list[list[int]]  # [true, predicted] of each face


class RangeFigures(TypedDict):
    """Of one number attribute over the `n` faces with a known range; a range's probability is the sum over its numbers.

    `majority`, the most frequent range of the training faces, gives the baseline; both are None if there is none.
    """

    n: int
    accuracy: float  # share of faces whose range is the most likely of those that occur, in training or here
    interval: list[float]  # of `accuracy`
    majority: str | None
    majority_accuracy: float | None
    probability: float  # mean probability of the range
    median_inside: float  # share of faces whose range contains the distribution's median


class AttributeFigures(TypedDict):
    """Without attributes that no face has a label for, and without `mean` and `calibration` if no choice is left."""

    faces: int
    choices: dict[str, ChoiceFigures]
    numbers: dict[str, NumberFigures]
    ranges: NotRequired[dict[str, RangeFigures]]
    mean: NotRequired[MeanFigures]
    calibration: NotRequired[Calibration]


def measure_attributes(
    model: Model,
    images: np.ndarray,
    fields: Sequence[Fields],
    schema: Sequence[Attribute],
    training_fields: Sequence[Fields],
    advance: Advance = ignore,
    batch_size: int = 64,
) -> AttributeFigures:
    """Asks every attribute of the schema about every face; a face without a label for it does not count.

    Args:
      images: uint8 [N, S, S, 3].
      fields: of the N faces.
      training_fields: of the training split; the baselines come only from these.
    """
    asked = labelled(schema, fields)
    answers: list[dict[str, np.ndarray]] = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        answers += model.answers(batch, asked)
        advance(len(batch))
    return score_answers(
        {a.name: np.stack([face[a.name] for face in answers]) for a in asked},
        fields,
        schema,
        count_labels(training_fields, schema),
    )


def count_labels(fields: Iterable[Fields], schema: Sequence[Attribute]) -> dict[str, Counter]:
    """{attribute: how often each of its labels occurs}: all that baselines need from the training faces."""
    counts: dict[str, Counter] = {attribute.name: Counter() for attribute in schema}
    for face in fields:
        for name, value in face["attributes"].items():
            if name in counts:
                counts[name][value] += 1
    return counts


def labelled(schema: Sequence[Attribute], fields: Sequence[Fields]) -> tuple[Attribute, ...]:
    """The attributes that at least one face has a label for."""
    return tuple(a for a in schema if any(a.name in f["attributes"] for f in fields))


def score_answers(
    answers: Mapping[str, np.ndarray],
    fields: Sequence[Fields],
    schema: Sequence[Attribute],
    training: Mapping[str, Counter],
) -> AttributeFigures:
    """The figures of the model's answers, as `measure_attributes` returns them.

    Args:
      answers: {attribute: probabilities of its candidates, [N, V]}, for each that is `labelled`.
      fields: of the N faces.
      training: `count_labels` of the training faces.
    """
    figures: AttributeFigures = {"faces": len(fields), "choices": {}, "numbers": {}}
    scored: list[Answers] = []
    for attribute in labelled(schema, fields):
        name = attribute.name
        labels = [face["attributes"].get(name) for face in fields]
        if attribute.is_number:
            number = NumberAnswers.of(attribute, answers[name], labels, training[name])
            if not np.isnan(number.truth).all():
                figures["numbers"][name] = _number_figures(number)
            ranged = RangeAnswers.of(attribute, answers[name], labels, training[name])
            if ranged.known.any():
                figures.setdefault("ranges", {})[name] = _range_figures(ranged)
        else:
            scored.append(Answers.of(attribute, answers[name], labels, training[name]))
            figures["choices"][name] = _choice_figures(scored[-1])
    if scored:
        figures["mean"] = _mean_figures(figures["choices"], scored)
        confidence = np.concatenate([one.probs.max(axis=1)[one.known] for one in scored])
        figures["calibration"] = calibration(confidence, np.concatenate([one.right[one.known] for one in scored]))
    return figures


def _choice_figures(answers: Answers) -> ChoiceFigures:
    right_N, usual = answers.right[answers.known], answers.usual
    true_N = answers.truth[answers.known]
    return {
        "n": len(right_N),
        "accuracy": float(right_N.mean()),
        "interval": interval(right_N, np.ones(len(right_N))),
        "balanced_accuracy": float(ratios(recall_statistics(answers).sum(axis=0))),
        "majority": usual,
        "majority_accuracy": None if usual is None else float((true_N == answers.attribute.values.index(usual)).mean()),
        "ece": calibration(answers.probs.max(axis=1)[answers.known], right_N)["ece"],
    }


def _mean_figures(choices: Mapping[str, ChoiceFigures], scored: Sequence[Answers]) -> MeanFigures:
    right_NxA = np.stack([answers.right for answers in scored], axis=1)
    return {
        "attributes": len(choices),
        "interval": interval(np.nan_to_num(right_NxA), ~np.isnan(right_NxA)),
        "accuracy": _mean([c["accuracy"] for c in choices.values()]),
        "balanced_accuracy": _mean([c["balanced_accuracy"] for c in choices.values()]),
        "majority_accuracy": _mean([c["majority_accuracy"] for c in choices.values()]),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def _number_figures(answers: NumberAnswers) -> NumberFigures:
    known, mean = ~np.isnan(answers.truth), answers.training_mean
    true_N, median_N, probs_NxV = answers.truth[known], answers.at(0.5)[known], answers.probs[known]
    error_N = np.abs(median_N - true_N)
    return {
        "n": len(true_N),
        "mae": float(error_N.mean()),
        "interval": interval(error_N, np.ones(len(error_N))),
        "mae_expectation": float(np.abs(probs_NxV @ answers.numbers - true_N).mean()),
        "mae_mode": float(np.abs(answers.numbers[probs_NxV.argmax(axis=1)] - true_N).mean()),
        "mae_sampled": float(mean_error(answers)[known].mean()),
        "training_mean": mean,
        "mae_training_mean": None if mean is None else float(np.abs(mean - true_N).mean()),
        "cs5": float((error_N <= 5).mean()),
        "coverage80": float(covered(answers, 80)[known].mean()),
        "pairs": [[int(t), int(p)] for t, p in zip(true_N, median_N)],
    }


def _range_figures(answers: RangeAnswers) -> RangeFigures:
    known, usual = answers.known, answers.usual
    right_N, true_N = answers.right[known], answers.truth[known]
    return {
        "n": len(right_N),
        "accuracy": float(right_N.mean()),
        "interval": interval(right_N, np.ones(len(right_N))),
        "majority": usual,
        "majority_accuracy": None if usual is None else float((true_N == answers.ranges.index(usual)).mean()),
        "probability": float(answers.probs[known, true_N].mean()),
        "median_inside": float(answers.median_inside[known].mean()),
    }
