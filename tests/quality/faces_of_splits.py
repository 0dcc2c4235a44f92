"""The faces of CelebA and UTKFace as arrays, with their labels: for the commands of this folder."""

import dataclasses
import json
import pathlib

import numpy as np

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import celeba, registry, utkface
from t2f_jax.data.datasets.base import Split
from t2f_jax.io import progress
from t2f_jax.io.framing import Framing
from t2f_jax.tokens.attributes import Attribute, Fields

ATTRIBUTES = [a.name for a in celeba.SCHEMA]
GENDER = ATTRIBUTES.index("gender")
ETHNICITIES = next(a.values for a in utkface.SCHEMA if a.name == "ethnicity")
AGE = next(a for a in utkface.SCHEMA if a.name == "age")


@dataclasses.dataclass(frozen=True)
class Faces:
    """One split of both datasets, CelebA's faces first.

    Attributes:
      images: uint8 [N, 64, 64, 3].
      fields: of each face.
      celeba: how many are CelebA's.
      attributes_Nx40: -1 unknown, otherwise the index of the value; UTKFace's faces have the gender alone.
      ethnicity_N, age_N: -1 unknown.
    """

    images: np.ndarray
    fields: list[Fields]
    celeba: int
    attributes_Nx40: np.ndarray
    ethnicity_N: np.ndarray
    age_N: np.ndarray


def read(split: Split, size: int = 64, crop: float = 0.9, copies: pathlib.Path | None = None) -> Faces:
    """Reads a split; a file that cannot be read is left out.

    Args:
      copies: a store's copies.jsonl: what it says is left out is left out here, too.
    """
    groups = [json.loads(line)["faces"] for line in copies.read_text().splitlines()] if copies else []
    gone = {(face["source"], face["id"]) for faces in groups for face in faces if face["left_out"]}
    images, fields, counts = [], [], []
    for kind in ("celeba", "utkface"):
        source = registry.open_source(SourceConfig(kind=kind), kind)
        indices = [i for i in source.split(split) if (kind, source.id(i)) not in gone]
        with progress.Progress(f"reading {kind} {split}", len(indices), unit="image") as bar:
            for i in indices:
                images.append(source.image(i, size, Framing(crop)))
                fields.append(source.fields(i))
                bar.advance(1)
        counts.append(len(indices))
    known = [f["attributes"] for f in fields]
    schema = {a.name: a for a in celeba.SCHEMA}
    return Faces(
        np.stack(images),
        fields,
        counts[0],
        np.array([[_index(schema[name], k) for name in ATTRIBUTES] for k in known], np.int32),
        np.array([ETHNICITIES.index(k["ethnicity"]) if "ethnicity" in k else -1 for k in known], np.int32),
        np.array([k.get("age", -1) for k in known], np.int32),
    )


def attribute_shares() -> np.ndarray:
    """How often each of CelebA's attributes has the second of its values among the training faces, [40]."""
    source = registry.open_source(SourceConfig(kind="celeba"), "celeba")
    schema = {a.name: a for a in celeba.SCHEMA}
    known = [source.fields(i)["attributes"] for i in source.split("train")]
    return np.array([[_index(schema[name], k) for name in ATTRIBUTES] for k in known]).mean(axis=0)


def balanced_accuracy(seen_NxA: np.ndarray, truth_NxA: np.ndarray) -> float:
    """Mean over attributes, of those of which both values occur, of the mean recall of both; bool arrays."""
    both = [(s[t].mean() + (~s[~t]).mean()) / 2 for s, t in zip(seen_NxA.T, truth_NxA.T) if 0 < t.sum() < len(t)]
    return float(np.mean(both))


def _index(attribute: Attribute, known: dict) -> int:
    return attribute.values.index(known[attribute.name]) if attribute.name in known else -1
