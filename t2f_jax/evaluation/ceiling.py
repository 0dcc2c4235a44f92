"""The ceiling that the image tokenizer sets: how much of a face survives encoding and decoding.

No face generated from codes can show more. The reconstruction of each face is analyzed again, by the model itself and
by the judge, if there is one, which sees pixels. The model reads codes, and the codes of a reconstruction are mostly
those it was made from: what the model keeps is an upper bound, what the judge keeps is not.
Axes: N faces, A attributes.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line
from t2f_jax.evaluation.interfaces import Request
from t2f_jax.inference.answers import quantile
from t2f_jax.tokens import ranges
from t2f_jax.tokens.attributes import Attribute

SHARE: dict[str, Any] = {"unit": "share", "better": "higher"}


Seen = Mapping[str, np.ndarray]  # a reader's predictions for N faces: {attribute: its values, objects [N]}


def likeliest(answers: Mapping[str, np.ndarray], asked: Sequence[Attribute]) -> Seen:
    """Probabilities of candidates {attribute: [N, V]} -> of N faces the most likely value, or a number's median."""
    seen = {}
    for attribute in asked:
        candidates = np.array(attribute.values or range(attribute.low, attribute.high + 1), object)
        p_NxV = answers[attribute.name]
        seen[attribute.name] = candidates[quantile(p_NxV, 0.5) if attribute.is_number else p_NxV.argmax(1)]
    return seen


def judged(requests: Iterable[Request]) -> Seen:
    """What a judge predicts for N faces, the same attributes for each."""
    columns: dict[str, list[str | int]] = {}
    for one in requests:
        for name, value in one.items():
            columns.setdefault(sys.intern(name), []).append(sys.intern(value) if isinstance(value, str) else value)
    return {name: np.array(values, object) for name, values in columns.items()}


def ceiling_figures(
    reader: str,
    seen: Seen,
    again: Seen,
    labels: Sequence[Request],
    asked: Sequence[Attribute],
) -> list[Figure]:
    """Figures of a reader's predictions for N faces and for their reconstructions.

    For choices: `ceiling/READER/kept`, the share with the same answer; `accuracy` and `accuracy_again`, the mean
    accuracies over attributes, before and after. For each attribute its own `kept`, for a number `shift`, the mean
    difference (reconstruction minus original), and `moved`, the mean absolute difference.

    Args:
      reader: `model` or `judge`.
      seen, again: predictions for faces and their reconstructions; attributes that the reader does not know are absent.
      labels: of the faces.
    """
    line = protocol_line("ceiling", reader=reader, of="encode and decode", version=1)
    choices = [a for a in asked if not a.is_number and a.name in seen]
    figures = []
    if choices:
        kept_NxA = np.stack([seen[a.name] == again[a.name] for a in choices], axis=1).astype(float)
        both = np.stack([kept_NxA.sum(1), np.full(len(kept_NxA), float(len(choices)))], axis=1)
        figures.append(of_examples(f"ceiling/{reader}/kept", both, **SHARE, protocol=line))
        for name, answers in (("accuracy", seen), ("accuracy_again", again)):
            truth = [np.array([known.get(a.name) for known in labels], object) for a in choices]
            right = [column == answers[a.name] for a, column in zip(choices, truth)]
            known = [np.array([value is not None for value in column]) for column in truth]
            statistics = np.stack([*right, *known], axis=1).astype(float)
            figures.append(of_examples(f"ceiling/{reader}/{name}", statistics, **SHARE, protocol=line))
        for attribute, kept_N in zip(choices, kept_NxA.T):
            figures.append(of_examples(f"ceiling/{reader}/{attribute.name}/kept", kept_N, **SHARE, protocol=line))
    for attribute in asked:
        if attribute.is_number and attribute.name in seen:
            figures += _number_figures(f"ceiling/{reader}/{attribute.name}", attribute.name, seen, again, labels, line)
    return figures


def _number_figures(
    prefix: str, name: str, seen: Seen, again: Seen, labels: Sequence[Request], line: str
) -> list[Figure]:
    unit = "years" if name == "age" else ""
    shift = again[name].astype(float) - seen[name].astype(float)
    figures = [
        of_examples(f"{prefix}/shift", shift, unit=unit, better="", protocol=line),
        of_examples(f"{prefix}/moved", np.abs(shift), unit=unit, better="lower", protocol=line),
    ]
    for suffix, answers in (("mae", seen), ("mae_again", again)):
        pairs = zip(labels, answers[name], strict=True)
        error = np.array([ranges.distance(of[name], int(value)) if name in of else np.nan for of, value in pairs])
        if not np.isnan(error).all():
            figures.append(of_examples(f"{prefix}/{suffix}", error, unit=unit, better="lower", protocol=line))
    return figures
