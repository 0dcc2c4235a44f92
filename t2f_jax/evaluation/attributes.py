"""How well a model reads attributes: faces with known labels in, figures with baselines and intervals out.

Shares run from 0 to 1, a number's errors are in its unit (years for an age).
Axes: N faces, S image side, A attributes, V values of an attribute.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, NotRequired, TypedDict

import numpy as np

from t2f_jax.evaluation.interfaces import Advance, Model, ignore
from t2f_jax.evaluation.stats import Calibration, calibration, interval
from t2f_jax.inference.answers import quantile
from t2f_jax.tokens.attributes import Attribute, Fields


class ChoiceFigures(TypedDict):
    """Of one choice attribute over the `n` faces that have a label for it.

    `balanced_accuracy` is the mean recall over the values that occur. `majority`, the commonest value of the training
    faces, gives the baseline; both are None where no training face has a label. `ece`: `stats.calibration`.
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
    """Of one number attribute over the `n` faces of which the number is known."""

    n: int
    mae: float  # mean absolute error of the distribution's median, the best point for an absolute error
    interval: list[float]  # of `mae`
    mae_expectation: float  # of the distribution's mean
    mae_mode: float  # of the likeliest number
    mae_sampled: float  # the expected error of a number drawn from the distribution
    training_mean: float | None
    mae_training_mean: float | None  # baseline: always the mean of the training faces
    cs5: float  # share of faces with an error of at most 5
    coverage80: float  # share of faces whose label lies in the central 80% interval
    pairs: list[list[int]]  # [true, predicted] of each face


class RangeFigures(TypedDict):
    """Of one number attribute over the `n` faces of which a range is known; a range's probability is the sum in it.

    `majority`, the commonest range of the training faces, gives the baseline; both are None where there is none.
    """

    n: int
    accuracy: float  # share of faces whose range is the likeliest of those that occur, in training or here
    interval: list[float]  # of `accuracy`
    majority: str | None
    majority_accuracy: float | None
    probability: float  # mean probability of the range
    median_inside: float  # share of faces with the distribution's median in their range


class AttributeFigures(TypedDict):
    """Attributes without a label on any face are left out, `mean` and `calibration` where no choice is left."""

    faces: int
    choices: dict[str, ChoiceFigures]
    numbers: dict[str, NumberFigures]
    ranges: NotRequired[dict[str, RangeFigures]]
    mean: NotRequired[MeanFigures]
    calibration: NotRequired[Calibration]


class _Scored(NamedTuple):
    """A choice attribute's answers: for which faces, 1.0 where right, and the probability of each answer."""

    rows: list[int]
    right: np.ndarray
    confidence: np.ndarray


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
      training_fields: of the training split; the baselines come from these alone.
    """
    asked = labelled(schema, fields)
    answers: list[dict[str, np.ndarray]] = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        answers += model.probabilities(model.encode(batch), asked)
        advance(len(batch))
    return score_answers(
        {a.name: np.stack([face[a.name] for face in answers]) for a in asked}, fields, schema, training_fields
    )


def labelled(schema: Sequence[Attribute], fields: Sequence[Fields]) -> tuple[Attribute, ...]:
    """The attributes of which a face has a label."""
    return tuple(a for a in schema if any(a.name in f["attributes"] for f in fields))


def score_answers(
    answers: Mapping[str, np.ndarray],
    fields: Sequence[Fields],
    schema: Sequence[Attribute],
    training_fields: Sequence[Fields],
) -> AttributeFigures:
    """The figures of answers that were given, as `measure_attributes` returns them.

    Args:
      answers: {attribute: probabilities of its candidates, [N, V]}, of each that is `labelled`.
      fields, training_fields: as in `measure_attributes`.
    """
    figures: AttributeFigures = {"faces": len(fields), "choices": {}, "numbers": {}}
    scored: list[_Scored] = []
    for attribute in labelled(schema, fields):
        name = attribute.name
        rows = [i for i, f in enumerate(fields) if name in f["attributes"]]
        p_NxV = np.asarray(answers[name], np.float64)[rows]
        p_NxV /= p_NxV.sum(axis=1, keepdims=True)
        truth = [fields[i]["attributes"][name] for i in rows]
        training = [f["attributes"][name] for f in training_fields if name in f["attributes"]]
        if attribute.is_number:
            _add_number(figures, attribute, p_NxV, truth, training)
        else:
            true_N = np.array([attribute.values.index(str(v)) for v in truth])
            figures["choices"][name] = _choice_figures(attribute, p_NxV, true_N, training)
            right_N = (p_NxV.argmax(axis=1) == true_N).astype(np.float64)
            scored.append(_Scored(rows, right_N, p_NxV.max(axis=1)))
    if scored:
        figures["mean"] = _mean_figures(figures["choices"], scored, len(fields))
        confidence = np.concatenate([s.confidence for s in scored])
        figures["calibration"] = calibration(confidence, np.concatenate([s.right for s in scored]))
    return figures


def _add_number(
    figures: AttributeFigures,
    attribute: Attribute,
    p_NxV: np.ndarray,
    truth: Sequence[str | int],
    training: Sequence[str | int],
) -> None:
    """Puts a number's figures where they belong: faces of which it is known, and faces of which a range is."""
    exact = [i for i, value in enumerate(truth) if len(attribute.numbers(value)) == 1]
    ranged = sorted(set(range(len(truth))) - set(exact))
    if exact:
        true_N = np.array([truth[i] for i in exact], np.float64)
        known = [value for value in training if len(attribute.numbers(value)) == 1]
        figures["numbers"][attribute.name] = _number_figures(attribute, p_NxV[exact], true_N, known)
    if ranged:
        some = [str(value) for value in training if len(attribute.numbers(value)) > 1]
        rows = figures.setdefault("ranges", {})
        rows[attribute.name] = _range_figures(attribute, p_NxV[ranged], [str(truth[i]) for i in ranged], some)


def _choice_figures(
    attribute: Attribute, p_NxV: np.ndarray, true_N: np.ndarray, training: Sequence[str | int]
) -> ChoiceFigures:
    right_N = p_NxV.argmax(axis=1) == true_N
    values, times = np.unique([attribute.values.index(str(v)) for v in training], return_counts=True)
    majority = int(values[times.argmax()]) if training else None
    return {
        "n": len(true_N),
        "accuracy": float(right_N.mean()),
        "interval": interval(right_N, np.ones(len(right_N))),
        "balanced_accuracy": float(np.mean([right_N[true_N == v].mean() for v in np.unique(true_N)])),
        "majority": None if majority is None else attribute.values[majority],
        "majority_accuracy": None if majority is None else float((true_N == majority).mean()),
        "ece": calibration(p_NxV.max(axis=1), right_N)["ece"],
    }


def _mean_figures(choices: Mapping[str, ChoiceFigures], scored: Sequence[_Scored], n: int) -> MeanFigures:
    hits_NxA, counts_NxA = np.zeros((n, len(scored))), np.zeros((n, len(scored)))
    for a, one in enumerate(scored):
        hits_NxA[one.rows, a] = one.right
        counts_NxA[one.rows, a] = 1.0
    return {
        "attributes": len(choices),
        "interval": interval(hits_NxA, counts_NxA),
        "accuracy": _mean([c["accuracy"] for c in choices.values()]),
        "balanced_accuracy": _mean([c["balanced_accuracy"] for c in choices.values()]),
        "majority_accuracy": _mean([c["majority_accuracy"] for c in choices.values()]),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def _number_figures(
    attribute: Attribute, p_NxV: np.ndarray, true_N: np.ndarray, training: Sequence[str | int]
) -> NumberFigures:
    values_V = np.array(attribute.candidates(), np.float64)
    low_N, median_N, high_N = (values_V[quantile(p_NxV, q)] for q in (0.1, 0.5, 0.9))
    error_N = np.abs(median_N - true_N)
    mean = float(np.mean([int(v) for v in training])) if training else None
    return {
        "n": len(true_N),
        "mae": float(error_N.mean()),
        "interval": interval(error_N, np.ones(len(error_N))),
        "mae_expectation": float(np.abs(p_NxV @ values_V - true_N).mean()),
        "mae_mode": float(np.abs(values_V[p_NxV.argmax(axis=1)] - true_N).mean()),
        "mae_sampled": float(np.mean((p_NxV * np.abs(values_V[None] - true_N[:, None])).sum(axis=1))),
        "training_mean": mean,
        "mae_training_mean": None if mean is None else float(np.abs(mean - true_N).mean()),
        "cs5": float((error_N <= 5).mean()),
        "coverage80": float(((low_N <= true_N) & (true_N <= high_N)).mean()),
        "pairs": [[int(t), int(p)] for t, p in zip(true_N, median_N)],
    }


def _range_figures(
    attribute: Attribute, p_NxV: np.ndarray, truth: Sequence[str], training: Sequence[str]
) -> RangeFigures:
    occurring = list(dict.fromkeys(sorted([*truth, *training], key=lambda text: attribute.places(text)[0])))
    p_NxR = np.stack([p_NxV[:, attribute.places(text)].sum(axis=1) for text in occurring], axis=1)
    true_N = np.array([occurring.index(text) for text in truth])
    right_N = p_NxR.argmax(axis=1) == true_N
    inside_N = [place in attribute.places(text) for place, text in zip(quantile(p_NxV, 0.5), truth)]
    majority = max(sorted(set(training)), key=training.count) if training else None
    return {
        "n": len(truth),
        "accuracy": float(right_N.mean()),
        "interval": interval(right_N, np.ones(len(right_N))),
        "majority": majority,
        "majority_accuracy": None if majority is None else float(np.mean([text == majority for text in truth])),
        "probability": float(p_NxR[np.arange(len(truth)), true_N].mean()),
        "median_inside": float(np.mean(inside_N)),
    }
