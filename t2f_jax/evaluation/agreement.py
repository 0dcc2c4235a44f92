"""Do generated faces show what was requested? A judge that never saw the requests predicts what they show.

Axes: N faces, S image side, A attributes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NotRequired, TypedDict

import numpy as np

from t2f_jax.evaluation import stats
from t2f_jax.evaluation.chunks import Arrays, Chunks, Desk
from t2f_jax.evaluation.interfaces import Judge, Request, Trial
from t2f_jax.io.files import to_json
from t2f_jax.tokens import ranges
from t2f_jax.tokens.attributes import Attribute, Fields
from t2f_jax.tokens.prompts import Prompt


class RequestedChoice(TypedDict):
    """Of one choice attribute. `balanced`: the mean over the requested values of the share that shows them."""

    n: int  # faces that were asked to show it
    seen: float | None
    shuffled: float | None
    balanced: float


class RequestedNumber(TypedDict):
    """Of one number attribute: mean absolute errors between requested and judged, in its unit."""

    n: int
    mae: float
    interval: list[float]
    mae_shuffled: float | None


class Unasked(TypedDict):
    """Attributes that requests leave open, see `measure_unasked`."""

    drift: float  # the mean over the attributes
    attributes: dict[str, "UnaskedChoice"]


class UnaskedChoice(TypedDict):
    """Of one choice attribute, on the faces that were not asked for it.

    `drift`: half the sum of the differences between the shares of its values in `judged` and in `labels`, 0 to 1.
    """

    n: int
    judged: dict[str, float]  # share of each value in the generated faces
    labels: dict[str, float]  # ... in the held-out faces that the requests were made from
    drift: float


class AgreementFigures(TypedDict):
    """Shares run from 0 to 1 and are None if nothing was scored.

    "Shuffled" is the baseline: image i is compared with the request of image i + 1. A model that ignores its prompts
    can reach the same share, since most faces have no hat whether requested or not.
    """

    n: int  # requests
    asked: int  # pairs of a requested attribute and a judgement that were scored
    requested_attributes_seen: float | None
    interval: list[float] | None
    requested_attributes_shuffled: float | None
    attributes: dict[str, RequestedChoice]
    numbers: dict[str, RequestedNumber]
    unasked: NotRequired[Unasked]


def make_requests(fields: Sequence[Fields], schema: Sequence[Attribute], n: int, seed: int) -> list[Request]:
    """n requests; each asks for 2 to 6 random attributes (fewer if fewer are known) of one face.

    Faces are taken in a random order, starting again after the last one. Request i depends only on `seed` and i.

    Args:
      fields: of held-out faces.

    Raises:
      ValueError: no face has a known attribute of the schema.
    """
    requests: list[Request] = []
    for i, face in enumerate(faces_of_requests(fields, schema, n, seed)):
        rng = np.random.default_rng((seed, 1, i))
        size = min(int(rng.integers(2, 7)), len(face))
        chosen = [list(face)[j] for j in sorted(rng.choice(len(face), size, replace=False))]
        requests.append({name: face[name] for name in chosen})
    return requests


def faces_of_requests(fields: Sequence[Fields], schema: Sequence[Attribute], n: int, seed: int) -> list[Request]:
    """All known attributes of the faces from which `make_requests` makes its n requests.

    Raises:
      ValueError: no face has a known attribute of the schema.
    """
    names = [a.name for a in schema]
    known = [{k: f["attributes"][k] for k in names if k in f["attributes"]} for f in fields]
    known = [k for k in known if k]
    if not known:
        raise ValueError("no held-out face has a known attribute to ask for")
    order = np.random.default_rng((seed, 0)).permutation(len(known))
    return [known[order[i % len(known)]] for i in range(n)]


def draw(trial: Trial, desk: Desk, label: str) -> Chunks:
    """Generates a face for each request or caption of a trial; the judge predicts what it shows.

    Args:
      label: of the progress bar.

    Returns:
      "codes" int32 [N, n], and "judged", JSON of what the judge predicts ({} without a judge).
    """
    prompts = prompts_of(trial)

    def work(examples: range) -> Arrays:
        chosen = [prompts[i] for i in examples]
        codes = trial.model.generate_codes(chosen, [trial.seed + i for i in examples], trial.sampler)
        return {"codes": np.asarray(codes), "judged": judge_codes(trial, codes)}

    return desk.run("drawn", trial.key(), len(prompts), work, label)


def prompts_of(trial: Trial) -> list[Prompt]:
    """The prompt of each request, or of each caption. A request may have attributes that the model does not know."""
    return [Prompt(text) for text in trial.texts] or [Prompt(attributes=request) for request in trial.requests]


def judge_codes(trial: Trial, codes: np.ndarray) -> np.ndarray:
    """What the judge predicts for faces with these codes, JSON for each."""
    if trial.judge is None:
        return np.full(len(codes), "{}")
    return judge_images(trial.judge, np.asarray(trial.model.decode(codes)))


def judge_images(judge: Judge, images: np.ndarray) -> np.ndarray:
    """What the judge predicts for uint8 [N, S, S, 3], JSON for each."""
    return np.array([to_json(seen) for seen in judge.predict(images)])


def judgements(texts: Iterable[str]) -> Iterator[Request]:
    """Parses what `judge_codes` and `judge_images` wrote, one face after the other."""
    return map(json.loads, texts)


def measure_agreement(trial: Trial, drawn: Chunks) -> AgreementFigures:
    """The figures of the faces that `draw` generated.

    Attributes that the judge does not predict are requested but not scored.
    """
    judged = list(judgements(drawn.texts("judged")))
    figures = score_requests(trial.requests, judged, trial.schema)
    if trial.labels and (unasked := measure_unasked(trial.requests, judged, trial.labels, trial.schema)):
        figures["unasked"] = unasked
    return figures


def measure_unasked(
    requests: Sequence[Request], judged: Sequence[Request], labels: Sequence[Request], schema: Sequence[Attribute]
) -> Unasked | None:
    """How far attributes that nobody asked for drift from the data, since guidance makes faces more alike.

    Which attributes a request asks for does not depend on their values, so a model that has learned the data generates
    the others with the shares of the faces behind the requests.

    Args:
      requests, judged, labels: of N faces: what was asked, what the judge predicted, all known attributes of the
        held-out face that the request was made from.

    Returns:
      None if no attribute was left open.
    """
    attributes: dict[str, UnaskedChoice] = {}
    for attribute in schema:
        name = attribute.name
        three = zip(requests, judged, labels, strict=True)
        open_ = [(j[name], k[name]) for r, j, k in three if name in j and name in k and name not in r]
        if attribute.is_number or not open_:
            continue
        seen, true = (
            {v: sum(pair[side] == v for pair in open_) / len(open_) for v in attribute.values} for side in (0, 1)
        )
        drift = sum(abs(seen[v] - true[v]) for v in attribute.values) / 2
        attributes[name] = {"n": len(open_), "judged": seen, "labels": true, "drift": drift}
    if not attributes:
        return None
    return {"drift": float(np.mean([a["drift"] for a in attributes.values()])), "attributes": attributes}


def score_requests(
    requests: Sequence[Request], judged: Sequence[Request], schema: Sequence[Attribute]
) -> AgreementFigures:
    """The figures for N requests and what the judge predicted for the N images generated for them."""
    others = [requests[(i + 1) % len(requests)] for i in range(len(requests))]
    choices = [a.name for a in schema if not a.is_number and any(a.name in request for request in requests)]
    hits, counts = _compare(requests, judged, choices)
    hits_shuffled, counts_shuffled = _compare(others, judged, choices)
    attributes: dict[str, RequestedChoice] = {}
    for a, name in enumerate(choices):
        if counts[:, a].any():
            attributes[name] = {
                "n": int(counts[:, a].sum()),
                "seen": _ratio(hits[:, a], counts[:, a]),
                "shuffled": _ratio(hits_shuffled[:, a], counts_shuffled[:, a]),
                "balanced": _balanced(name, requests, hits[:, a], counts[:, a]),
            }
    return {
        "n": len(requests),
        "asked": int(counts.sum()),
        "requested_attributes_seen": _ratio(hits, counts),
        "interval": stats.interval(hits.sum(1), counts.sum(1)) if counts.any() else None,
        "requested_attributes_shuffled": _ratio(hits_shuffled, counts_shuffled),
        "attributes": attributes,
        "numbers": _number_figures(requests, others, judged, [a.name for a in schema if a.is_number]),
    }


def _compare(
    requests: Sequence[Request], judged: Sequence[Request], names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Hits and counts, both float [N, A]."""
    pairs = list(zip(requests, judged))
    counts = np.array([[n in r and n in j for n in names] for r, j in pairs], np.float64)
    hits = np.array([[n in r and n in j and r[n] == j[n] for n in names] for r, j in pairs], np.float64)
    return hits.reshape(len(requests), len(names)), counts.reshape(len(requests), len(names))


def _ratio(hits: np.ndarray, counts: np.ndarray) -> float | None:
    return float(hits.sum() / counts.sum()) if counts.any() else None


def _balanced(name: str, requests: Sequence[Request], hits_N: np.ndarray, counts_N: np.ndarray) -> float:
    """The mean over the requested values of the share of faces that show it."""
    by_value: dict[str | int, list[float]] = {}
    for request, hit, count in zip(requests, hits_N, counts_N):
        if count:
            by_value.setdefault(request[name], []).append(hit)
    return float(np.mean([np.mean(hits) for hits in by_value.values()]))


def _number_figures(
    requests: Sequence[Request], others: Sequence[Request], judged: Sequence[Request], names: Sequence[str]
) -> dict[str, RequestedNumber]:
    figures: dict[str, RequestedNumber] = {}
    for name in names:
        error, shuffled = _errors(name, requests, judged), _errors(name, others, judged)
        if error:
            figures[name] = {
                "n": len(error),
                "mae": float(np.mean(error)),
                "interval": stats.interval(np.array(error), np.ones(len(error))),
                "mae_shuffled": float(np.mean(shuffled)) if shuffled else None,
            }
    return figures


def _errors(name: str, requests: Sequence[Request], judged: Sequence[Mapping[str, str | int]]) -> list[int]:
    return [ranges.distance(r[name], int(j[name])) for r, j in zip(requests, judged) if name in r and name in j]
