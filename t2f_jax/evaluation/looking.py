"""Network features of a source's test faces, their reconstructions and generated faces, and codes of training faces.

The processes of a job share all of this work. Axes: N images, n codes of an image.
"""

import dataclasses
import functools
import hashlib
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from t2f_jax.config.schema import Config
from t2f_jax.data import pixels
from t2f_jax.data.datasets.base import Source
from t2f_jax.distributed import hosts
from t2f_jax.evaluation import image_sets
from t2f_jax.evaluation.agreement import draw
from t2f_jax.evaluation.chunks import Chunks, Desk
from t2f_jax.evaluation.held_out import HeldOut
from t2f_jax.evaluation.instruments import Instruments
from t2f_jax.evaluation.interfaces import Model, Trial
from t2f_jax.evaluation.sources import with_some_training_faces

Seen = Mapping[str, Chunks]  # a network's name -> "features" of a set of images, see `image_sets.look`


@dataclasses.dataclass(frozen=True)
class Looked:
    """Features of all networks; empty without networks.

    Attributes:
      faces, reconstructions: of the test faces.
      drawn: of the generated faces, one set for each range of seeds; [0] is the set in the rows.
      training: "codes" of training faces; None if copies are not searched for.
    """

    faces: Seen = dataclasses.field(default_factory=dict)
    reconstructions: Seen = dataclasses.field(default_factory=dict)
    drawn: Mapping[str, tuple[Seen, ...]] = dataclasses.field(default_factory=dict)
    training: Chunks | None = None


def look_at_faces(model: Model, faces: HeldOut, read: Chunks, instruments: Instruments, desk: Desk) -> Looked:
    """Features of the test faces, and of their reconstructions from the "codes" in `read`."""
    if not instruments.features:
        return Looked()
    n, key = len(faces.fields), {"data": faces.fingerprint}
    seen = {
        network.name: image_sets.look(
            network, lambda rows: np.asarray(faces.images[rows.start : rows.stop]), n, desk, faces.name, key
        )
        for network in instruments.features
    }
    return Looked(seen, look_at_codes(model, desk.shared(read, "codes"), instruments, desk, "reconstructions"))


def look_at_codes(model: Model, codes: np.ndarray, instruments: Instruments, desk: Desk, name: str) -> Seen:
    """Features of the images of codes int32 [N, n]; `name` is that of the progress bar."""

    def images(rows: range) -> np.ndarray:
        return np.asarray(model.decode(codes[rows.start : rows.stop]))

    key = {"codes": hashlib.sha256(np.ascontiguousarray(codes).tobytes()).hexdigest()}
    return {
        network.name: image_sets.look(network, images, len(codes), desk, name, key) for network in instruments.features
    }


def look_at_drawn(trial: Trial, drawn: Chunks, instruments: Instruments, desk: Desk, seeds: int) -> tuple[Seen, ...]:
    """Features of the generated faces, and of further sets generated for the same prompts with other seeds.

    Args:
      seeds: number of sets in all; set r begins with seed `trial.seed + r * N`.
    """
    if not instruments.features:
        return ()
    count = len(trial.texts or trial.requests)
    sets = [drawn]
    for r in range(1, seeds):
        again = dataclasses.replace(trial, seed=trial.seed + r * count, judge=None)
        sets.append(draw(again, desk, f"drawing once more, {r + 1} of {seeds}"))
    return tuple(
        look_at_codes(trial.model, desk.shared(one, "codes"), instruments, desk, "drawn faces") for one in sets
    )


def encode_training_faces(
    model: Model,
    source: Source,
    config: Config,
    cache: pathlib.Path,
    seed: int,
    desk: Desk,
    kept: Sequence[pathlib.Path] = (),
) -> Chunks | None:
    """ "codes" of `config.eval.training_faces` random training faces; None if that is 0, or there is none."""
    count = config.eval.training_faces
    if not count or not source.split("train"):
        return None
    some = with_some_training_faces(source, count, seed)
    read = functools.partial(pixels.read_images, some, "train", config.data, cache, kept)
    training = hosts.in_turn(read, f"training faces of {source.name}")
    return desk.run(
        "training",
        {"data": training.key},
        len(training),
        lambda rows: {"codes": np.asarray(model.encode(np.asarray(training.images[rows.start : rows.stop])))},
        f"training faces of {source.name}",
    )
