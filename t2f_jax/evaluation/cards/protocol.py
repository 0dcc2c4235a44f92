"""How figures were measured, and whether two of them were measured alike: only such may stand side by side.

A protocol is plain JSON, {family: {field: value}}. The fields of the family "all" decide every figure of a part of a
card: which faces, and how their pixels are made. Those of another family decide the figures whose name begins with it
alone: a sampler moves `requests/seen`, not `age/mae`. Which model was measured, by which version of the program and
on which machine, is no part of it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from t2f_jax.data.datasets.base import SPLITS, Source, Split
from t2f_jax.evaluation.figure import Figure
from t2f_jax.io import files

Protocol = Mapping[str, Mapping[str, Any]]
ALL = "all"
METRIC = "metric"  # the field of a figure's own protocol line; its choices are `metric.<choice>`


def describe_faces(source: Source, split: Split, faces: Iterable[int], pixels: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `ALL` for chosen faces of a split.

    Args:
      faces: their indices, in the order in which they are measured.
      pixels: how their pixels are made: the side of the images, crop, resize filter and so on.
    """
    chosen = list(faces)
    return {
        "dataset": source.dataset.kind,
        "split": split,
        "faces": len(chosen),
        "fingerprint": fingerprint(source, chosen),
        "pixels": dict(pixels),
    }


def fingerprint(source: Source, faces: Iterable[int] | None = None) -> str:
    """16 hex digits that change with the faces (all of every split if not given), their files, labels or order.

    The folder that they lie in does not matter.
    """
    if faces is None:
        faces = (i for split in SPLITS for i in source.split(split))
    digest = hashlib.sha256()
    for i in faces:
        known = json.dumps(source.fields(i), sort_keys=True)
        digest.update(f"{source.id(i)}\n{source.signature(i)}\n{known}\n".encode("utf-8", "backslashreplace"))
    return digest.hexdigest()[:16]


def fields_of(protocol: Protocol, figure: Figure) -> dict[str, Any]:
    """All fields that decide a figure, flat: {"faces": 19962, "pixels.crop": 1.0, "metric": "psnr", ...}."""
    family = protocol.get(figure.name.partition("/")[0], {})
    implementation, *choices = figure.protocol.split("|")
    named = {f"{METRIC}.{key}": value for key, _, value in (choice.partition(":") for choice in choices)}
    return {**_flat(protocol.get(ALL, {})), **_flat(family), METRIC: implementation, **named}


def identity(fields: object) -> str:
    """12 hex digits of a whole protocol, or of the fields of one figure: the same for the same ones."""
    text = files.to_json(json.loads(json.dumps(fields, sort_keys=True)))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """{field: (its value in the first, in the second)} of what differs; None for a field that is not there.

    Args:
      first, second: what `fields_of` returns.
    """
    names = dict.fromkeys([*first, *second])
    return {name: (first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)}


def tell_differences(found: Mapping[str, tuple[Any, Any]]) -> str:
    """`differences` in words: "pixels.filter: bicubic | area; faces: 100 | 200"."""
    return "; ".join(f"{name}: {_word(first)} | {_word(second)}" for name, (first, second) in found.items())


def _word(value: Any) -> str:
    return "–" if value is None else value if isinstance(value, str) else files.to_json(value)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} -> {"a.b": 1}; lists stay whole."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = list(value) if isinstance(value, tuple) else value
    return flat
