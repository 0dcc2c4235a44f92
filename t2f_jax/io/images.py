"""Pictures in and out: a file, PIL image or array becomes the square uint8 array that the image tokenizer takes.

Axes: N images, S side in pixels.
"""

import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

from t2f_jax.errors import UserError
from t2f_jax.io.files import whole_file

MAKER = "t2f_jax"  # begins the "Software" in the metadata of a generated face

Picture = str | os.PathLike | Image.Image | np.ndarray


class CorruptImage(UserError):
    """An image file that cannot be decoded. A dataset leaves it out and lists it; a command that needs it stops."""


def open_image(path: str | os.PathLike) -> Image.Image:
    """Decodes a whole image file to RGB.

    Raises:
      UserError: if there is no such file.
      CorruptImage: if it is no image, or a truncated one.
    """
    try:
        with Image.open(path) as image:
            return to_rgb(ImageOps.exif_transpose(image))
    except FileNotFoundError:
        raise UserError(f"{path}: no such image file") from None
    except IsADirectoryError:
        raise UserError(f"{path}: this is a folder; give an image file") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise CorruptImage(f"{path}: not a readable image ({error}); give a whole JPEG or PNG") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Any picture as RGB: 16-bit grays are scaled to 8 bits, transparent pixels become white."""
    if image.mode.startswith(("I", "F")):
        gray = np.asarray(image, np.float64) * (1 if image.mode == "F" else 1 / 257)
        image = Image.fromarray(np.clip(np.round(gray), 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("RGB")


def fit(image: Image.Image, size: int, crop: float = 1.0, squash: bool = False) -> np.ndarray:
    """Centred square crop of `crop` times the shorter side, resized with antialiasing -> uint8 [size, size, 3].

    With `squash`, the original's rule: nothing is cropped, both sides are resized to `size`, bilinear.
    """
    if squash:
        return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR), np.uint8)
    width, height = image.size
    side = min(width, height) * crop
    left, top = (width - side) / 2, (height - side) / 2
    resized = image.resize(
        (size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side), reducing_gap=3.0
    )
    return np.asarray(resized, np.uint8)


def load_images(
    pictures: Picture | Sequence[Picture], size: int, crop: float = 1.0, squash: bool = False
) -> np.ndarray:
    """One or many pictures (paths, PIL images, uint8 arrays [H, W, 3]) -> uint8 [N, size, size, 3], see `fit`.

    Raises:
      UserError: no picture at all, a missing or unreadable file, or an array of another shape or type.
    """
    if isinstance(pictures, np.ndarray):
        pictures = list(pictures) if pictures.ndim == 4 else [pictures]
    elif isinstance(pictures, (str, os.PathLike, Image.Image)):
        pictures = [pictures]
    if not len(pictures):
        raise UserError("no picture is given; give one or more")
    return np.stack([_load(picture, size, crop, squash) for picture in pictures])


def _load(picture: Picture, size: int, crop: float, squash: bool) -> np.ndarray:
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[-1] != 3 or not picture.size:
            raise UserError(f"an image array must be uint8 [height, width, 3], got {picture.dtype} {picture.shape}")
        if picture.shape[:2] == (size, size) and (squash or crop == 1.0):
            return picture
        picture = Image.fromarray(picture)
    image = to_rgb(ImageOps.exif_transpose(picture)) if isinstance(picture, Image.Image) else open_image(picture)
    if str(image.info.get("Software", "")).startswith(MAKER):
        crop = 1.0  # generated: a model draws what is inside the crop
    return fit(image, size, crop, squash)


def save_png(path: pathlib.Path, image: np.ndarray | Image.Image, about: Mapping[Any, object]) -> None:
    """Writes uint8 [S, S, 3] or a PIL image as PNG, under its final name only once it is whole.

    Args:
      about: its metadata; values that are no strings are written as JSON.
    """
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    info = PngImagePlugin.PngInfo()
    for key, value in about.items():
        info.add_itxt(str(key), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    with whole_file(path, many_writers=True) as partial:  # two processes may make the same face
        picture.save(partial, format="PNG", pnginfo=info)
