"""How figures were measured. Two figures may be compared only if they were measured in the same way.

The protocol of a part of a card is plain JSON: which faces, how their pixels are made, how faces are generated. Each
figure adds a line of its own, see `figure.protocol_line`. The model, the version of the program and the machine are not
part of it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from t2f_jax.data.datasets.base import SPLITS, Source
from t2f_jax.evaluation.figure import OWN_FEATURES, Figure
from t2f_jax.io import files

METRIC = "metric"  # the field of a figure's own line; its choices are `metric.<choice>`
FACES = {"dataset", "dataset_fingerprint", "title", "split", "partition", "available", "n", "seed", "data"}


def fingerprint(source: Source, faces: Iterable[int] | None = None) -> str:
    """16 hex digits that change with the faces (those of all splits if not given), their files, labels or order.

    Their folder and the name of the source do not matter.
    """
    if faces is None:
        faces = (i for split in SPLITS for i in source.split(split))
    digest = hashlib.sha256()
    for i in faces:
        known = json.dumps(source.fields(i), sort_keys=True)
        digest.update(f"{source.id(i)}\n{source.signature(i)}\n{known}\n".encode("utf-8", "backslashreplace"))
    return digest.hexdigest()[:16]


def fields_of(protocol: Mapping[str, Any], figure: Figure) -> dict[str, Any]:
    """All fields that determine a figure, flat: {"n": 19962, "pixels.crop": 1.0, "metric": "psnr", ...}."""
    implementation, *choices = figure.protocol.split("|")
    named = {f"{METRIC}.{key}": value for key, _, value in (choice.partition(":") for choice in choices)}
    return {**_flat(protocol), METRIC: implementation, **named}


def identity(fields: object) -> str:
    """12 hex digits of a protocol, or of the fields of one figure; the order of the fields does not matter."""
    text = json.dumps(fields, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """{field: (its value in the first, in the second)} of what differs; None for a missing field.

    Args:
      first, second: what `fields_of` returns.
    """
    names = dict.fromkeys([*first, *second])
    return {name: (first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)}


def tell(found: Mapping[str, tuple[Any, Any]]) -> str:
    """`differences` in words: "pixels.filter: bicubic | area; n: 100 | 200"."""
    return "; ".join(f"{name}: {_word(first)} | {_word(second)}" for name, (first, second) in found.items())


def advise(found: Mapping[str, tuple[Any, Any]], fields: Mapping[str, Any]) -> str:
    """What to do about `differences` that make figures incomparable, as a clause; "" if nothing can be done.

    Args:
      fields: all of the figure, see `fields_of`.
    """
    if fields.get(f"{METRIC}.network") == OWN_FEATURES and f"{METRIC}.weights" in found:
        return (
            "measured in each model's own features, which are never comparable between models; evaluate with --network"
        )
    if not FACES.isdisjoint(found):
        return "other faces: evaluate both models on the same data, with the same split, seed and number of faces"
    if "judge.weights" in found:
        return "judged by different judges: `t2f evaluate` takes the one in the `images` folder of a model's own run"
    if METRIC in found or f"{METRIC}.version" in found:
        return "computed differently: evaluate both models with this version"
    return f"if that is what you compare, add {' '.join(f'--varying {name}' for name in found)}"


def _word(value: Any) -> str:
    return "–" if value is None else value if isinstance(value, str) else files.to_json(value)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} -> {"a.b": 1}; a list stays whole."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = list(value) if isinstance(value, tuple) else value
    return flat
