"""The image tokenizer, ready to use: uint8 images to codes and back, jitted.

Axes: B batch, R pixels of a side, N codes of an image (row-major), 3 colours.
"""

import functools
import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jax.typing import ArrayLike

from t2f_jax import arguments
from t2f_jax.config.schema import PixelRange, VQGANConfig
from t2f_jax.config.typed import to_dict
from t2f_jax.errors import WrongArgument
from t2f_jax.models.vqgan import VQGAN

_CLIP_MEAN, _CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def to_unit(images: ArrayLike, range: PixelRange = "correct") -> jax.Array:
    """uint8 0..255 [..., 3] -> fp32, the encoder's input.

    Args:
      range: "correct": x / 127.5 - 1 in [-1, 1], as taming-transformers trains. The original feeds its encoder other
        ranges, and its decoder has learned the codes of such pictures: "paper_double" maps y to 2 y - 1 once more,
        [-3, 1], as its inference script does; "clip_double" normalizes by CLIP's mean and standard deviation, then maps
        y to 2 y - 1, as its training's loader does.
    """
    x = jnp.asarray(images).astype(jnp.float32)
    if range == "clip_double":
        return (x / 255 - jnp.array(_CLIP_MEAN)) / jnp.array(_CLIP_STD) * 2 - 1
    unit = x / 127.5 - 1
    return unit if range == "correct" else 2 * unit - 1


def to_uint8(x: jax.Array) -> jax.Array:
    """fp32 [-1, 1] (clipped) -> uint8 0..255, rounded."""
    return jnp.round((jnp.clip(x, -1, 1) + 1) * 127.5).astype(jnp.uint8)


@functools.partial(jax.jit, static_argnums=(0, 3))
def encode(config: VQGANConfig, params: Any, images_BxRxRx3: ArrayLike, range: PixelRange = "correct") -> jax.Array:
    """uint8 images [B, R, R, 3] -> codes, int32 [B, N]; `range` as in `to_unit`."""
    x = to_unit(images_BxRxRx3, range)
    return VQGAN(config).apply({"params": params}, x, method="encode_codes")  # type: ignore


@functools.partial(jax.jit, static_argnums=0)
def decode(config: VQGANConfig, params: Any, codes_BxN: ArrayLike) -> jax.Array:
    """Codes, int [B, N] -> uint8 images [B, R, R, 3]."""
    return to_uint8(VQGAN(config).apply({"params": params}, codes_BxN, method="decode_codes"))  # type: ignore


@functools.partial(jax.jit, static_argnums=0)
def code_vectors(config: VQGANConfig, params: Any, codes_BxN: ArrayLike) -> jax.Array:
    """Codes, int [B, N] -> the decoder's input, fp32 [B, G, G, E]."""
    return VQGAN(config).apply({"params": params}, codes_BxN, method="code_vectors")  # type: ignore[return-value]


class ImageTokenizer:
    """A VQGAN with its weights. Each new batch size is compiled once, so callers should pad to few sizes.

    `range` is how pictures are scaled for the encoder, see `to_unit`.
    """

    def __init__(self, config: VQGANConfig, params: Any, range: PixelRange = "correct"):
        self.config = config
        self.params = jax.tree.map(jnp.asarray, params)  # copied to the device once, not at each call
        self.range: PixelRange = range

    def encode(self, images_BxRxRx3: ArrayLike) -> jax.Array:
        """uint8 images [B, R, R, 3] -> codes, int32 [B, N]. Raises WrongArgument for any other array."""
        return encode(self.config, self.params, self.checked_images(images_BxRxRx3), self.range)

    def decode(self, codes_BxN: ArrayLike) -> jax.Array:
        """Codes, int [B, N] -> uint8 images [B, R, R, 3]. Raises WrongArgument as `checked_codes`."""
        return decode(self.config, self.params, self.checked_codes(codes_BxN))

    def code_vectors(self, codes_BxN: ArrayLike) -> jax.Array:
        """Codes, int [B, N] -> their vectors, fp32 [B, G, G, E]. Raises WrongArgument as `checked_codes`."""
        return code_vectors(self.config, self.params, self.checked_codes(codes_BxN))

    def reconstruct(self, images_BxRxRx3: ArrayLike) -> jax.Array:
        """uint8 images -> their reconstructions, uint8, same shape. Raises WrongArgument for any other array."""
        return decode(self.config, self.params, self.encode(images_BxRxRx3))

    def checked_images(self, images: Any) -> np.ndarray:
        """Images as numpy's uint8 [B, R, R, 3]. Raises WrongArgument for anything else."""
        side = self.config.resolution
        return arguments.array("images", images, np.uint8, ("N", side, side, 3), "uint8")

    def checked_codes(self, codes: Any, called: str = "codes", least: int = 0) -> np.ndarray:
        """Image codes as numpy's int32 [B, N].

        Raises:
          WrongArgument: not integers, another shape, or a code below `least` or not in the codebook.
        """
        size = self.config.n_embed
        codes = arguments.array(called, codes, np.integer, ("N", self.config.tokens), "an array of whole numbers")
        if codes.size and not least <= codes.min() <= codes.max() < size:
            raise WrongArgument(f"{called} must lie in {least}..{size - 1}, got {codes.min()}..{codes.max()}")
        return codes.astype(np.int32)


def fingerprint(tokenizer: ImageTokenizer) -> str:
    """Hash of an image tokenizer's structure and weights, by which codes of another tokenizer are refused."""
    structure = to_dict(tokenizer.config)
    if not tokenizer.config.scales:
        del structure["scales"]  # older stores, whose hashes lack this key, stay valid
    digest = hashlib.sha256(repr(sorted(structure.items())).encode())
    if tokenizer.range != "correct":
        digest.update(tokenizer.range.encode())
    update_with_params(digest, tokenizer.params)
    return digest.hexdigest()[:16]


def update_with_params(digest: "hashlib._Hash", params: Any) -> None:
    """Feeds a nested parameter dictionary's names and values to a `hashlib` digest, without copies if possible."""
    for name, value in sorted(traverse_util.flatten_dict(params, sep=".").items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(jax.device_get(value)).reshape(-1).view(np.uint8).data)
