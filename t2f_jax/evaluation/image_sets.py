"""Sets of images that are compared: real and generated faces, real faces and their reconstructions.

The processes of a job share the computation of features, which are stored in chunks (`look`). The first process makes
figures from them, one chunk at a time if the metric allows it (`set_figures`).
"""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.evaluation.chunks import Chunks, Desk
from t2f_jax.evaluation.figure import Figure
from t2f_jax.evaluation.metrics.frechet import Gaussian, Moments, frechet_figure
from t2f_jax.evaluation.metrics.kernel_distance import kernel_figure
from t2f_jax.evaluation.metrics.manifold import NEIGHBOURS, manifold_figures
from t2f_jax.evaluation.metrics.memorization import memorization_figures, nearest
from t2f_jax.evaluation.metrics.networks import FeatureNetwork, face_network, open_network
from t2f_jax.inference.model import Model
from t2f_jax.models.resampling import Resize

Images = Callable[[range], np.ndarray]  # indices of consecutive images -> uint8 [B, S, S, 3]


def networks(model: Model, paths: Sequence[str | pathlib.Path], how: Resize = "pytorch") -> list[FeatureNetwork]:
    """The model's own face features, and the networks in a user's files, see `networks.open_network`."""
    opened = [open_network(pathlib.Path(path).expanduser(), how) for path in paths]
    return [face_network(model, model.decoder.config.width), *opened]


def look(network: FeatureNetwork, images: Images, n: int, desk: Desk, name: str, key: Mapping[str, Any]) -> Chunks:
    """The features of n images, "features" float32 [n, D]. Every process of a job must call this.

    Args:
      name: of the images, for the progress bar.
      key: what determines them, besides the desk's own key; plain JSON.
    """
    done = {"network": dict(network.protocol), **key}
    label = f"{network.name} features of {name}"
    return desk.run(
        f"features-{network.name}", done, n, lambda rows: {"features": network.compute(images(rows))}, label
    )


def gaussian(seen: Chunks, size: int) -> Gaussian:
    """Mean and covariance of features, one chunk at a time."""
    moments = Moments(size)
    for chunk in seen:
        moments.add(chunk["features"])
    return moments.gaussian()


def set_figures(prefix: str, network: FeatureNetwork, real: Chunks, drawn: Chunks) -> list[Figure]:
    """Fréchet and kernel distance, precision, recall, density and coverage of generated against real images.

    Features stay on disk and are read in blocks. A metric is left out if a set is too small for it.

    Args:
      prefix: of the figures' names, such as "requests": `requests/fid`, `requests/precision_inception`, ...
      real, drawn: what `look` returned.
    """
    x, y = (chunks.rows("features") if chunks.paths else np.zeros((0, network.size)) for chunks in (real, drawn))
    least = min(len(x), len(y))
    if least < 2:
        return []
    gaussians = gaussian(real, network.size), gaussian(drawn, network.size)
    found = [
        frechet_figure(f"{prefix}/{network.frechet_name}", *gaussians, network.protocol),
        kernel_figure(f"{prefix}/{network.kernel_name}", x, y, network.protocol),
    ]
    return found + (manifold_figures(prefix, network.name, x, y, network.protocol) if least > NEIGHBOURS else [])


def copy_figures(model: Model, drawn: np.ndarray, held_out: np.ndarray, training: Chunks, prefix: str) -> list[Figure]:
    """Whether generated faces are nearer to training faces than held-out faces are, see `metrics.memorization`.

    Args:
      drawn, held_out: codes int32 [N, n].
      training: "codes" of the training faces.
    """
    vectors = model.image_tokenizer.code_vectors
    ours, theirs = (nearest(codes, (chunk["codes"] for chunk in training), vectors) for codes in (drawn, held_out))
    count = sum(len(chunk["codes"]) for chunk in training)
    return memorization_figures(ours, theirs, count, f"{prefix}/memorization")
