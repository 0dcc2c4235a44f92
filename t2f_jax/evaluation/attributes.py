"""How good a model is: faces and their known fields in, figures with baselines and intervals out (plain dictionaries).

`model` is a `model.Model`, or anything with its `encode`, `decode`, `probabilities`, `describe_codes` and
`generate_codes`. Nothing here reads a file. Shares run from 0 to 1, ages are years, PSNR is decibels.
Axes: N faces, S image side, A attributes, V values of an attribute.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from t2f_jax.evaluation.stats import Fields, Progress, calibration, interval, silent
from t2f_jax.inference.answers import quantile
from t2f_jax.tokens.attributes import Attribute


def attributes(
    model: Any,
    images: np.ndarray,
    fields: Sequence[Fields],
    schema: Sequence[Attribute],
    training_fields: Sequence[Fields],
    progress: Progress = silent,
    batch_size: int = 64,
) -> dict[str, Any]:
    """Asks every attribute of the schema about every face; a face without a label for it does not count.

    Args:
      images: uint8 [N, S, S, 3].
      fields: N records.
      training_fields: records of the training split; the baselines come from these alone.

    Returns:
      {"faces": N,
       "choices": {name: {n, accuracy, interval, balanced_accuracy, majority, majority_accuracy, ece}},
       "mean": {attributes, accuracy, interval, balanced_accuracy, majority_accuracy},
       "calibration": {ece, bins},
       "numbers": {name: {n, mae, interval, mae_expectation, mae_mode, mae_sampled, training_mean, mae_training_mean,
                          cs5, coverage80, pairs}}}
      An attribute of which no face has a label is left out, as are the means where there is nothing to take them of.
      `balanced_accuracy` is the mean recall over the values that occur. A number's `mae` is that of its distribution's
      median (the best point for an absolute error), `mae_expectation` and `mae_mode` those of its other centres,
      `mae_sampled` the exact mean error of a number drawn from it, `cs5` the share within 5, `coverage80` the share
      inside the central 80% interval, `pairs` [true, predicted].
    """
    asked = [a for a in schema if any(a.name in f["attributes"] for f in fields)]
    found: list[dict[str, np.ndarray]] = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        found += model.probabilities(model.encode(batch), asked)
        progress(len(batch))

    result: dict[str, Any] = {"faces": len(images), "choices": {}, "numbers": {}}
    hits, counts, confidences = [], [], []
    for attribute in asked:
        rows = [i for i, f in enumerate(fields) if attribute.name in f["attributes"]]
        p_NxV = np.stack([np.asarray(found[i][attribute.name], np.float64) for i in rows])
        p_NxV /= p_NxV.sum(axis=1, keepdims=True)
        truth = [fields[i]["attributes"][attribute.name] for i in rows]
        seen = [f["attributes"][attribute.name] for f in training_fields if attribute.name in f["attributes"]]
        if attribute.is_number:
            result["numbers"][attribute.name] = _number(attribute, p_NxV, np.array(truth, np.float64), seen)
            continue
        true_N = np.array([attribute.values.index(v) for v in truth])
        result["choices"][attribute.name] = _choice(attribute, p_NxV, true_N, seen)
        right = (p_NxV.argmax(axis=1) == true_N).astype(np.float64)
        confidences.append((p_NxV.max(axis=1), right))
        for column, values in ((hits, right), (counts, 1.0)):
            column.append(np.zeros(len(images)))
            column[-1][rows] = values

    if result["choices"]:
        choices = list(result["choices"].values())
        result["mean"] = {"attributes": len(choices), "interval": interval(np.stack(hits, 1), np.stack(counts, 1))}
        for key in ("accuracy", "balanced_accuracy", "majority_accuracy"):
            known = [c[key] for c in choices if c[key] is not None]
            result["mean"][key] = float(np.mean(known)) if known else None
        confidence, right = (np.concatenate(column) for column in zip(*confidences))
        result["calibration"] = calibration(confidence, right)
    return result


def _choice(attribute: Attribute, p_NxV: np.ndarray, true_N: np.ndarray, seen: list[str]) -> dict[str, Any]:
    predicted_N = p_NxV.argmax(axis=1)
    right_N = predicted_N == true_N
    values, times = np.unique([attribute.values.index(v) for v in seen], return_counts=True)
    majority = int(values[times.argmax()]) if len(seen) else None
    return {
        "n": len(true_N),
        "accuracy": float(right_N.mean()),
        "interval": interval(right_N, np.ones(len(right_N))),
        "balanced_accuracy": float(np.mean([right_N[true_N == v].mean() for v in np.unique(true_N)])),
        "majority": None if majority is None else attribute.values[majority],
        "majority_accuracy": None if majority is None else float((true_N == majority).mean()),
        "ece": calibration(p_NxV.max(axis=1), right_N)["ece"],
    }


def _number(attribute: Attribute, p_NxV: np.ndarray, true_N: np.ndarray, seen: list[int]) -> dict[str, Any]:
    values_V = np.array(attribute.candidates(), np.float64)
    low_N, median_N, high_N = (values_V[quantile(p_NxV, q)] for q in (0.1, 0.5, 0.9))
    error_N = np.abs(median_N - true_N)
    mean = float(np.mean(seen)) if seen else None
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
