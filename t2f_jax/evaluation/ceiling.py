"""The ceiling that the image tokenizer sets: what of a face survives encode and decode alone.

No face that is drawn from codes can show more. The reconstruction of each face is read again, by the model itself and,
where there is one, by the judge, who looks at pixels. The model reads codes, and those of a reconstruction are mostly
the codes it was made of: what it keeps is an upper bound, what the judge keeps is not. Axes: N faces, A attributes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line
from t2f_jax.evaluation.interfaces import Request
from t2f_jax.inference.answers import quantile
from t2f_jax.tokens import ranges
from t2f_jax.tokens.attributes import Attribute

SHARE: dict[str, Any] = {"unit": "share", "better": "higher"}


def likeliest(answers: Mapping[str, np.ndarray], asked: Sequence[Attribute]) -> list[Request]:
    """Probabilities of candidates {attribute: [N, V]} -> for each of N faces the likeliest value, a number's median."""
    columns: dict[str, list[str | int]] = {}
    for attribute in asked:
        if attribute.is_number:
            columns[attribute.name] = [attribute.low + int(place) for place in quantile(answers[attribute.name], 0.5)]
        else:
            columns[attribute.name] = [attribute.values[i] for i in answers[attribute.name].argmax(1)]
    count = len(next(iter(answers.values()))) if answers else 0
    return [{name: values[i] for name, values in columns.items()} for i in range(count)]


def ceiling_figures(
    reader: str,
    seen: Sequence[Request],
    again: Sequence[Request],
    labels: Sequence[Request],
    asked: Sequence[Attribute],
) -> list[Figure]:
    """What a reader sees in N faces and in their reconstructions.

    Of the choices: `ceiling/READER/kept`, the share that is answered alike; `accuracy` and `accuracy_again`, the means
    over attributes of the shares that the labels confirm, before and after. Of each attribute its own `kept`, of a
    number `shift`, the mean difference (what the reconstruction adds), and `moved`, that of its absolute value.

    Args:
      reader: `model` or `judge`.
      seen, again: {attribute: value} of each face and its reconstruction; attributes that the reader does not know are
        absent.
      labels: of the faces.
    """
    line = protocol_line("ceiling", reader=reader, of="encode and decode", version=1)
    choices = [a for a in asked if not a.is_number and any(a.name in one for one in seen)]
    kept_NxA = np.array([[one[a.name] == other[a.name] for a in choices] for one, other in zip(seen, again)], float)
    figures = []
    if choices:
        both = np.stack([kept_NxA.sum(1), np.full(len(kept_NxA), float(len(choices)))], axis=1)
        figures.append(of_examples(f"ceiling/{reader}/kept", both, **SHARE, protocol=line))
        for name, answers in (("accuracy", seen), ("accuracy_again", again)):
            known = np.array([[a.name in labels_of for a in choices] for labels_of in labels], float)
            right = [[labels_of.get(a.name) == one[a.name] for a in choices] for labels_of, one in zip(labels, answers)]
            statistics = np.concatenate([np.array(right, float) * known, known], axis=1)
            figures.append(of_examples(f"ceiling/{reader}/{name}", statistics, **SHARE, protocol=line))
    for attribute, kept_N in zip(choices, kept_NxA.T):
        figures.append(of_examples(f"ceiling/{reader}/{attribute.name}/kept", kept_N, **SHARE, protocol=line))
    for attribute in asked:
        if attribute.is_number and any(attribute.name in one for one in seen):
            figures += _number_figures(f"ceiling/{reader}/{attribute.name}", attribute.name, seen, again, labels, line)
    return figures


def _number_figures(
    prefix: str, name: str, seen: Sequence[Request], again: Sequence[Request], labels: Sequence[Request], line: str
) -> list[Figure]:
    unit = "years" if name == "age" else ""
    shift = np.array([float(other[name]) - float(one[name]) for one, other in zip(seen, again)])
    figures = [
        of_examples(f"{prefix}/shift", shift, unit=unit, better="", protocol=line),
        of_examples(f"{prefix}/moved", np.abs(shift), unit=unit, better="lower", protocol=line),
    ]
    for suffix, answers in (("mae", seen), ("mae_again", again)):
        pairs = zip(labels, answers, strict=True)
        error = np.array([ranges.distance(of[name], int(one[name])) if name in of else np.nan for of, one in pairs])
        if not np.isnan(error).all():
            figures.append(of_examples(f"{prefix}/{suffix}", error, unit=unit, better="lower", protocol=line))
    return figures
