"""Labels of faces as arrays: the targets of a network that predicts them, and the layout of its outputs.

Axes: N faces, A choice attributes, K number attributes, V slots for the values of a choice, O outputs of the network:
A * V logits, then K numbers.
"""

from collections.abc import Sequence

import numpy as np

from t2f_jax.tokens.attributes import Attribute, Fields

UNKNOWN = -1  # the index of an absent label


def targets(fields: Sequence[Fields], schema: Sequence[Attribute]) -> tuple[np.ndarray, np.ndarray]:
    """Indices of values int32 [N, A] (absent: UNKNOWN), positions in the range float32 [N, K] (unknown: nan)."""
    known = [f["attributes"] for f in fields]
    choices = [
        [a.values.index(str(k[a.name])) if a.name in k else UNKNOWN for a in schema if not a.is_number] for k in known
    ]
    numbers = [[_position(a, k[a.name]) if a.name in k else np.nan for a in schema if a.is_number] for k in known]
    return np.array(choices, np.int32).reshape(len(known), -1), np.array(numbers, np.float32).reshape(len(known), -1)


def _position(attribute: Attribute, label: str | int) -> float:
    numbers = attribute.numbers(label)
    return (numbers[0] - attribute.low) / (attribute.high - attribute.low) if len(numbers) == 1 else np.nan


def value_mask(schema: Sequence[Attribute]) -> np.ndarray:
    """bool [A, V]: which of the V slots of each choice attribute hold a value; V is the largest number of values."""
    counts_A = np.array([len(a.values) for a in schema if not a.is_number], int)
    return np.arange(counts_A.max(initial=1)) < counts_A[:, None]


def output_count(schema: Sequence[Attribute]) -> int:
    """O, the number of outputs of a network that predicts all attributes."""
    return value_mask(schema).size + sum(a.is_number for a in schema)
