"""What measures images and captions: networks and tables in users' files, the model's own face features.

Axes: N texts, E numbers of a vector.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from t2f_jax.environment import computes
from t2f_jax.evaluation import image_sets
from t2f_jax.evaluation.metrics.clip_files import OpenedClip, open_clip
from t2f_jax.evaluation.metrics.meteor_tables import Tables
from t2f_jax.evaluation.metrics.networks import FeatureNetwork
from t2f_jax.evaluation.metrics.perceptual import Lpips, open_lpips
from t2f_jax.inference.batching import call_in_batches
from t2f_jax.inference.model import Model
from t2f_jax.models import clip


@dataclasses.dataclass(frozen=True)
class Instruments:
    """Networks and tables for an evaluation. Without any, images are compared only pixel by pixel.

    Attributes:
      features: networks in whose features sets of images are compared; with distinct names.
      clip: compares generated faces with their captions.
      lpips: compares reconstructions with their originals.
      meteor: METEOR's tables, which compare captions with reference captions.
    """

    features: tuple[FeatureNetwork, ...] = ()
    clip: OpenedClip | None = None
    lpips: Lpips | None = None
    meteor: Tables | None = None

    def key(self) -> dict[str, Any]:
        """What determines the figures of pairs of images; plain JSON."""
        return {"lpips": self.lpips and self.lpips.protocol}


NOTHING = Instruments()


def open_instruments(
    model: Model,
    networks: Sequence[str | pathlib.Path] = (),
    lpips: Sequence[str | pathlib.Path] = (),
    meteor: str | pathlib.Path | None = None,
) -> Instruments:
    """The model's own face features, and those in a user's files.

    Args:
      networks: FID's Inception, or a CLIP, see `metrics.networks.open_network`.
      lpips: the files of LPIPS, see `metrics.perceptual.open_lpips`.
      meteor: METEOR's meteor-1.5.jar.

    Raises:
      UserError: a file is none of these, or broken.
    """
    features = image_sets.networks(model, networks)
    clips = [path for path, network in zip(networks, features[1:], strict=True) if network.name == "clip"]
    return Instruments(
        tuple({network.name: network for network in features}.values()),
        open_clip(pathlib.Path(clips[-1]).expanduser()) if clips else None,
        open_lpips([pathlib.Path(path).expanduser() for path in lpips]) if lpips else None,
        None if meteor is None else Tables(pathlib.Path(meteor).expanduser()),
    )


@computes
def text_vectors(opened: OpenedClip, texts: Sequence[str]) -> tuple[np.ndarray, int]:
    """CLIP's vectors of texts, float32 [N, E], and how many texts exceed its context."""
    ids, cut = opened.tokenize(texts)
    vectors = call_in_batches(functools.partial(clip.text_features, opened.clip, opened.params), ids, 32)
    return vectors, int(np.sum(cut))
