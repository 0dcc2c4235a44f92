"""Do faces show what was asked for? Faces drawn for requests, and a judge who never saw the requests.

Figures as in `evaluate`. Axes: N faces, S image side, A attributes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.evaluation import stats
from t2f_jax.tokens import templates
from t2f_jax.tokens.attributes import Attribute


def make_requests(
    fields: Sequence[stats.Fields], schema: Sequence[Attribute], n: int, seed: int
) -> list[dict[str, str | int]]:
    """n requests: each asks for a random part (2 to 6, where as many are known) of what is true of one held-out face.

    Faces are taken in a random order and again from the front when they run out. Request i depends on seed and i alone.

    Raises:
      ValueError: no face has a known attribute of the schema.
    """
    names = [a.name for a in schema]
    known = [{k: f["attributes"][k] for k in names if k in f["attributes"]} for f in fields]
    known = [k for k in known if k]
    if not known:
        raise ValueError("no held-out face has a known attribute to ask for")
    order = np.random.default_rng((seed, 0)).permutation(len(known))
    requests = []
    for i in range(n):
        face, rng = known[order[i % len(known)]], np.random.default_rng((seed, 1, i))
        size = min(int(rng.integers(2, 7)), len(face))
        chosen = [list(face)[j] for j in sorted(rng.choice(len(face), size, replace=False))]
        requests.append({name: face[name] for name in chosen})
    return requests


def requests(
    model: Any,
    judge: Any,
    fields: Sequence[stats.Fields],
    schema: Sequence[Attribute],
    n: int,
    seed: int,
    sampler: Any,
    progress: stats.Progress = stats.silent,
    batch_size: int = 64,
) -> tuple[dict[str, Any], list[dict[str, Any]], np.ndarray]:
    """Draws faces for requests and lets a judge, who never saw the requests, say what of them is to be seen.

    The baseline compares image i with the request of image i + 1: what a model that ignores its prompt would reach,
    since most faces have no hat whether asked for or not.

    Args:
      judge: has `predict(images) -> [{name: value}]`; attributes that it does not predict are asked for but not scored.
      fields: held-out faces that the requests are true of.
      sampler: handed on to `model.generate_codes`.

    Returns:
      figures {"n", "asked" (scored pairs), "requested_attributes_seen", "interval", "requested_attributes_shuffled",
        "numbers": {name: {n, mae, mae_shuffled, interval}},
        "attributes": {name: {n, seen, shuffled, balanced (mean over the values asked for)}}},
      records [{"text", "asked", "judged", "seed"}] of n, and the images uint8 [n, S, S, 3].
    """
    asked = make_requests(fields, schema, n, seed)
    texts = [templates.image_text(None, request) for request in asked]
    seeds = [seed + i for i in range(n)]
    parts, judged = [], []
    for start in range(0, n, batch_size):
        rows = slice(start, start + batch_size)
        parts.append(np.asarray(model.decode(model.generate_codes(texts[rows], seeds[rows], sampler))))
        judged += judge.predict(parts[-1])
        progress(len(parts[-1]))
    records = [
        {"text": text, "asked": a, "judged": {k: j[k] for k in a if k in j}, "seed": s}
        for text, a, j, s in zip(texts, asked, judged, seeds, strict=True)
    ]
    return score_requests(asked, judged, schema), records, np.concatenate(parts)


def score_requests(
    asked: Sequence[Mapping[str, Any]], judged: Sequence[Mapping[str, Any]], schema: Sequence[Attribute]
) -> dict[str, Any]:
    """The figures of `requests` from n requests and what the judge saw in the n images drawn for them."""
    others = [asked[(i + 1) % len(asked)] for i in range(len(asked))]
    choices = [a.name for a in schema if not a.is_number and any(a.name in request for request in asked)]
    hits, counts = _compare(asked, judged, choices)
    hits_shuffled, counts_shuffled = _compare(others, judged, choices)
    result: dict[str, Any] = {
        "n": len(asked),
        "asked": int(counts.sum()),
        "requested_attributes_seen": _ratio(hits, counts),
        "interval": stats.interval(hits.sum(1), counts.sum(1)) if counts.any() else None,
        "requested_attributes_shuffled": _ratio(hits_shuffled, counts_shuffled),
        "attributes": {},
        "numbers": {},
    }
    for a, name in enumerate(choices):
        if not counts[:, a].any():
            continue
        by_value: dict[Any, list[float]] = {}
        for request, hit, count in zip(asked, hits[:, a], counts[:, a]):
            if count:
                by_value.setdefault(request[name], []).append(hit)
        result["attributes"][name] = {
            "n": int(counts[:, a].sum()),
            "seen": _ratio(hits[:, a], counts[:, a]),
            "shuffled": _ratio(hits_shuffled[:, a], counts_shuffled[:, a]),
            "balanced": float(np.mean([np.mean(v) for v in by_value.values()])),
        }
    for name in (a.name for a in schema if a.is_number):
        error = [abs(r[name] - j[name]) for r, j in zip(asked, judged) if name in r and name in j]
        shuffled = [abs(r[name] - j[name]) for r, j in zip(others, judged) if name in r and name in j]
        if error:
            result["numbers"][name] = {
                "n": len(error),
                "mae": float(np.mean(error)),
                "interval": stats.interval(np.array(error), np.ones(len(error))),
                "mae_shuffled": float(np.mean(shuffled)) if shuffled else None,
            }
    return result


def _compare(
    asked: Sequence[Mapping[str, Any]], judged: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Hits and counts, both float [N, A]."""
    counts = np.array([[n in r and n in j for n in names] for r, j in zip(asked, judged)], np.float64)
    hits = np.array([[n in r and n in j and r[n] == j[n] for n in names] for r, j in zip(asked, judged)], np.float64)
    return hits.reshape(len(asked), len(names)), counts.reshape(len(asked), len(names))


def _ratio(hits: np.ndarray, counts: np.ndarray) -> float | None:
    return float(hits.sum() / counts.sum()) if counts.any() else None
