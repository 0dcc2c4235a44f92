"""How good a model is: faces and their known fields in, figures with baselines and intervals out (plain dictionaries).

`model` is a `model.Model`, or anything with its `encode`, `decode`, `probabilities`, `describe_codes` and
`generate_codes`. Nothing here reads a file. Shares run from 0 to 1, ages are years, PSNR is decibels.
Axes: N faces, S image side, A attributes, V values of an attribute.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.tokens import templates

Fields = Mapping[str, Any]  # {"attributes": {name: value}, "captions": [str, ...]}
Progress = Callable[[int], None]  # told how many faces more are done

ROUNDS = 1000  # bootstrap resamples behind each interval
BINS = 10  # of the calibration table
PSNR_CAP = 100.0  # decibels of an image that comes back exactly (its PSNR is infinite)


def silent(_: int) -> None:
    """A `Progress` that tells nobody."""


def interval(hits_NxA: np.ndarray, counts_NxA: np.ndarray, seed: int = 0) -> list[float]:
    """95% percentile bootstrap interval of `mean over A of (sum of hits / sum of counts)`, faces resampled.

    Args:
      hits_NxA: numerators, [N, A] or [N] for a single ratio.
      counts_NxA: denominators of the same shape; 0 where a face's label is unknown.

    Returns:
      [low, high]; the same for the same numbers and seed.
    """
    hits = np.asarray(hits_NxA, np.float64).reshape(len(hits_NxA), -1)
    counts = np.asarray(counts_NxA, np.float64).reshape(hits.shape)
    rng = np.random.default_rng(seed)
    draws = np.empty(ROUNDS)
    for r in range(ROUNDS):
        times_N = np.bincount(rng.integers(len(hits), size=len(hits)), minlength=len(hits)).astype(np.float64)
        below_A = times_N @ counts
        known_A = below_A > 0  # a resample may miss every face of a rare label
        draws[r] = np.mean((times_N @ hits)[known_A] / below_A[known_A]) if known_A.any() else np.nan
    low, high = np.nanpercentile(draws, (2.5, 97.5))
    return [float(low), float(high)]


def attributes(
    model: Any,
    images: np.ndarray,
    fields: Sequence[Fields],
    schema: Sequence[templates.Attribute],
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


def _choice(attribute: templates.Attribute, p_NxV: np.ndarray, true_N: np.ndarray, seen: list[str]) -> dict[str, Any]:
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


def _number(attribute: templates.Attribute, p_NxV: np.ndarray, true_N: np.ndarray, seen: list[int]) -> dict[str, Any]:
    values_V = np.array(attribute.candidates(), np.float64)
    low_N, median_N, high_N = (values_V[_quantile(p_NxV, q)] for q in (0.1, 0.5, 0.9))
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


def answers(
    probabilities: Mapping[str, np.ndarray], schema: Sequence[templates.Attribute]
) -> dict[str, dict[str, str | int | float]]:
    """One face's `probabilities` as values: the likeliest of a choice, the median of a number.

    Returns:
      {name: {"value", "probability"}} for a choice, {name: {"value", "low", "high"}} for a number (central 80%).
    """
    result: dict[str, dict[str, str | int | float]] = {}
    for attribute in schema:
        if attribute.name not in probabilities:
            continue
        p_V = np.asarray(probabilities[attribute.name], np.float64)
        if attribute.is_number:
            low, middle, high = (int(attribute.candidates()[_quantile(p_V[None], q)[0]]) for q in (0.1, 0.5, 0.9))
            result[attribute.name] = {"value": middle, "low": low, "high": high}
        else:
            best = int(p_V.argmax())
            result[attribute.name] = {"value": attribute.values[best], "probability": float(p_V[best] / p_V.sum())}
    return result


def _quantile(p_NxV: np.ndarray, q: float) -> np.ndarray:
    """Column of the first value whose cumulative share reaches q, int [N]."""
    cumulative_NxV = p_NxV.cumsum(axis=1) / p_NxV.sum(axis=1, keepdims=True)
    below_N = (cumulative_NxV < q - 1e-9).sum(axis=1)  # a hair's breadth, for sums that miss q by rounding
    return np.minimum(below_N, p_NxV.shape[1] - 1)


def calibration(confidence_N: np.ndarray, right_N: np.ndarray) -> dict[str, Any]:
    """Expected calibration error over equal bins (Naeini et al. 2015): how far confidence and accuracy lie apart.

    Args:
      confidence_N: probability of the answer given, [N].
      right_N: was it right? bool or 0/1, [N].

    Returns:
      {"ece", "bins": [{confidence, accuracy, n}, ...]} with empty bins left out.
    """
    bin_N = np.minimum((np.asarray(confidence_N) * BINS).astype(int), BINS - 1)
    bins = []
    for b in np.unique(bin_N):
        inside = bin_N == b
        confidence, accuracy = float(np.mean(confidence_N[inside])), float(np.mean(right_N[inside]))
        bins.append({"confidence": confidence, "accuracy": accuracy, "n": int(inside.sum())})
    ece = sum(b["n"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / len(bin_N)
    return {"ece": float(ece), "bins": bins}


def psnr(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each pair of [N, S, S, 3] (0..255), [N] decibels, at most `PSNR_CAP`."""
    error_N = np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2, axis=(1, 2, 3))
    return np.minimum(10 * np.log10(255.0**2 / np.maximum(error_N, 1e-9)), PSNR_CAP)


def reconstruction(
    model: Any, images: np.ndarray, codebook_size: int, progress: Progress = silent, batch_size: int = 64
) -> dict[str, Any]:
    """Images through the image tokenizer and back: the best that any face drawn from its codes can look.

    Returns:
      {"faces", "psnr", "interval", "psnr_mean_image" (baseline: every image answered by the mean of them all),
       "codes_used" (share of the codebook), "perplexity" (exp of the entropy of code use), "codes_per_image"}.
    """
    codes, values = [], []
    for start in range(0, len(images), batch_size):
        batch = np.asarray(images[start : start + batch_size])
        codes.append(np.asarray(model.encode(batch)))
        values.append(psnr(batch, np.asarray(model.decode(codes[-1]))))
        progress(len(batch))
    psnr_N, codes_Nxn = np.concatenate(values), np.concatenate(codes)
    share = np.bincount(codes_Nxn.ravel(), minlength=codebook_size) / codes_Nxn.size
    used = share[share > 0]
    mean = np.asarray(np.mean(images, axis=0, dtype=np.float64))[None]
    return {
        "faces": len(images),
        "psnr": float(psnr_N.mean()),
        "interval": interval(psnr_N, np.ones(len(psnr_N))),
        "psnr_mean_image": float(np.mean([psnr(image[None], mean)[0] for image in images])),
        "codes_used": len(used) / codebook_size,
        "perplexity": float(np.exp(-(used * np.log(used)).sum())),
        "codes_per_image": codes_Nxn.shape[1],
    }


def captions(model: Any, images: np.ndarray, fields: Sequence[Fields], **options: Any) -> list[dict[str, Any]]:
    """Captions that the model writes, beside the given ones; `options` (seeds, sampler) go to
    `model.describe_codes`.

    Returns:
      [{"generated": str, "given": [str, ...]}] of N.
    """
    written = model.describe_codes(model.encode(images), **options)
    return [{"generated": text, "given": list(f.get("captions", []))} for text, f in zip(written, fields, strict=True)]


def card(
    sources: Mapping[str, Mapping[str, Any]],
    seconds: float,
    peak_memory_bytes: int,
    protocol: Mapping[str, Any],
) -> dict[str, Any]:
    """The result card of a run: `card.json`.

    Args:
      sources: per dataset {"attributes": of `attributes`, "requests": figures of `requests`, "reconstruction": of
        `reconstruction`, "judge_accuracy": share, or the judge's shares per attribute}; each may be missing.
      protocol: how it was measured: split, faces, seeds, sampler, versions.

    Returns:
      The figures of `headline`, null where nothing measured them, each from the first source that has it
      (`figures_from` names it), `seconds` and `peak_memory_bytes`; the protocol; every figure of every source under
      "sources" (without the age scatter's pairs).
    """
    result: dict[str, Any] = dict.fromkeys(headline({}))
    result |= {"seconds": float(seconds), "peak_memory_bytes": int(peak_memory_bytes)}
    result |= {"figures_from": {}, "protocol": dict(protocol), "sources": {}}
    for name, source in sources.items():
        for key, value in headline(source).items():
            if result[key] is None and value is not None:
                result[key] = value
                result["figures_from"][key] = name
        result["sources"][name] = _without_pairs(source)
    return result


def headline(source: Mapping[str, Any]) -> dict[str, float | None]:
    """The card's figures of one source (see `card`), None where it has none."""
    found = source.get("attributes") or {}
    mean, age = found.get("mean") or {}, found.get("numbers", {}).get("age") or {}
    requested, judge = source.get("requests") or {}, source.get("judge_accuracy")
    if isinstance(judge, Mapping):  # shares per attribute; a number's error is no share
        numbers = {"age", *found.get("numbers", ()), *requested.get("numbers", ())}
        shares = [share for name, share in judge.items() if name not in numbers]
        judge = float(np.mean(shares)) if shares else None
    return {
        "attribute_accuracy": mean.get("accuracy"),
        "attribute_accuracy_majority": mean.get("majority_accuracy"),
        "age_mae": age.get("mae"),
        "age_mae_mean": age.get("mae_training_mean"),
        "requested_attributes_seen": requested.get("requested_attributes_seen"),
        "requested_attributes_shuffled": requested.get("requested_attributes_shuffled"),
        "judge_accuracy": judge,
    }


def _without_pairs(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_pairs(v) for k, v in value.items() if k != "pairs"}
    return value
