"""Feature networks: images -> the features in which two sets of images are compared.

A user's file is FID's Inception or CLIP (`open_network`); without one a model's own face features are used. Figures are
named after their network: only FID's Inception gives "FID". Face features are computed from a face's codes, so they
hardly show the losses of the image tokenizer itself. Axes: B images, S pixels of a side, D features.
"""

import dataclasses
import functools
import hashlib
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jax
import numpy as np

from t2f_jax.environment import computes
from t2f_jax.errors import naming
from t2f_jax.evaluation.figure import OWN_FEATURES
from t2f_jax.evaluation.metrics import clip_files
from t2f_jax.inference.batching import call_in_batches
from t2f_jax.io.weights import load_tensors
from t2f_jax.models import clip, inception
from t2f_jax.models.resampling import Resize, resize

BATCH = 32  # images of a network's batch


@dataclasses.dataclass(frozen=True)
class FeatureNetwork:
    """A network ready to use.

    Attributes:
      name: "inception", "clip" or "face"; figures end in it.
      protocol: every choice that changes features, for `protocol_line`.
      size: D.
      compute: uint8 [B, S, S, 3] -> float32 [B, D].
    """

    name: str
    protocol: Mapping[str, object]
    size: int
    compute: Callable[[np.ndarray], np.ndarray] = dataclasses.field(repr=False)

    @property
    def frechet_name(self) -> str:
        """The name of the Fréchet distance of its features: "fid" only for Inception's."""
        return "fid" if self.name == "inception" else f"frechet_{self.name}"

    @property
    def kernel_name(self) -> str:
        """The name of the kernel distance of its features: "kid" only for Inception's."""
        return "kid" if self.name == "inception" else f"kernel_{self.name}"


class FaceReader(Protocol):
    """What face features need from a model; `inference.model.Model` is one."""

    @property
    def hash(self) -> str:
        """Of all weights."""
        ...

    def encode(self, images: np.ndarray, /) -> np.ndarray:
        """uint8 [B, S, S, 3] -> image codes."""
        ...

    def face_features(self, codes: np.ndarray, /) -> np.ndarray:
        """Image codes -> float32 [B, D]."""
        ...


def face_network(model: FaceReader, size: int) -> FeatureNetwork:
    """A model's own features of faces, `size` of them (the width of its decoder)."""
    protocol = {"network": OWN_FEATURES, "weights": model.hash}
    return FeatureNetwork("face", protocol, size, lambda images: model.face_features(model.encode(images)))


def open_network(path: pathlib.Path, how: Resize = "pytorch") -> FeatureNetwork:
    """The network in a user's file: pytorch-fid's Inception (.pth or .safetensors), or CLIP (see `clip_files`).

    Args:
      how: how images are resized for Inception. "pytorch" gives pytorch-fid's numbers, "clean" clean-fid's.

    Raises:
      UserError: the file is neither of the two, or broken.
    """
    if path.is_dir():
        return clip_network(clip_files.open_clip(path))
    tensors = load_tensors(path, clip.is_needed)
    if any(name.startswith(("visual.", "vision_model.")) for name in tensors):
        return clip_network(clip_files.open_clip(path, tensors))
    with naming(path):
        params = jax.device_put(inception.from_tensors(tensors, inception.Inception()))
    protocol = {"network": "inception-2015-12-05", "weights": sha256(path), "resize": how, "from": "given size"}
    compute = functools.partial(_inception_features, how, params)
    return FeatureNetwork("inception", protocol, inception.FEATURES, _in_batches(compute))


def clip_network(opened: clip_files.OpenedClip) -> FeatureNetwork:
    """CLIP's image features, not normalized."""
    compute = functools.partial(clip.image_features, opened.clip, opened.params)
    return FeatureNetwork("clip", opened.protocol, opened.clip.embed, _in_batches(compute))


def _in_batches(compute: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], np.ndarray]:
    return computes(lambda images: np.asarray(call_in_batches(compute, np.asarray(images), BATCH), np.float32))


@functools.partial(jax.jit, static_argnums=0)
def _inception_features(how: Resize, params: Any, images_BxSxSx3: jax.Array) -> jax.Array:
    x = resize(images_BxSxSx3, inception.SIDE, how)
    x = x / 127.5 - 1 if how == "pytorch" else (x - 128) / 128  # each program's own scaling
    return inception.Inception().apply({"params": params}, x)  # type: ignore[return-value]


def sha256(path: pathlib.Path) -> str:
    """The first 16 digits of a file's hash; "6726825d..." is pytorch-fid's own file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
