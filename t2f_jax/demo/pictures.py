"""Converts an uploaded file to pixels, and faces to PNG files inside a page; shows partly generated faces.

Axes: B faces, S image side.
"""

import base64
import concurrent.futures
import io
import pathlib
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from t2f_jax.demo.limits import Limits
from t2f_jax.errors import WrongArgument
from t2f_jax.inference.model import Model
from t2f_jax.io import images

FORMATS = ("JPEG", "PNG", "WEBP")
NAME = "the picture"  # the name of an upload in errors, which must not show its path
UNDRAWN = 128  # the gray of parts without codes
_decoders = concurrent.futures.ThreadPoolExecutor(2, "decoder")  # limits how many large pictures are decoded at once
# Bytes of the blocks in which Pillow allocates a picture. The C library returns the memory of blocks of at least 32 MiB
# to the system but keeps those of 16 MiB, Pillow's default: 300 MB for each thread that decoded a large picture.
Image.core.set_block_size(2**26)


def uploaded(folder: pathlib.Path, given: Any) -> pathlib.Path:
    """The file of an upload in Gradio's format, {"path": ...}, which must be in the folder of uploads.

    Raises:
      WrongArgument: no picture, or any other path.
    """
    if given is None:
        raise WrongArgument("no picture is given; upload a JPEG, PNG or WebP file")
    path = given.get("path") if isinstance(given, dict) else None
    try:
        file = pathlib.Path(path).resolve(strict=True) if isinstance(path, str) else None
    except (OSError, ValueError, RuntimeError):  # no such file, a null byte, a cycle of links
        file = None
    if file is None or not file.is_file() or not file.is_relative_to(folder.resolve()):
        raise WrongArgument("this is not an uploaded picture, or it was deleted; upload it again")
    return file


def open_face(model: Model, limits: Limits, file: pathlib.Path) -> np.ndarray:
    """An image file -> uint8 [S, S, 3], preprocessed for the model.

    Raises:
      WrongArgument: it is too large, of another kind, or broken.
    """
    size = file.stat().st_size
    if size > limits.upload_bytes:
        raise WrongArgument(f"{NAME} has {size:,} bytes; at most {limits.upload_bytes:,} are accepted")
    return _decoders.submit(_decode, model, limits, file).result()


def _decode(model: Model, limits: Limits, file: pathlib.Path) -> np.ndarray:
    with images.decoding(NAME), _opened(file) as image:
        if image.width * image.height > limits.pixels:
            most = f"{limits.pixels / 1e6:g} million"
            raise WrongArgument(f"{image.width} x {image.height} pixels; at most {most} are accepted")
        return model.images(images.to_rgb(images.upright(image)))[0]


def _opened(file: pathlib.Path) -> Image.Image:
    """Opens a picture without decoding it. Raises WrongArgument, without Pillow's path, if it is not a picture."""
    try:
        return Image.open(io.BytesIO(file.read_bytes()), formats=FORMATS)
    except UnidentifiedImageError:
        raise WrongArgument("this is not a readable image; give a whole JPEG, PNG or WebP file") from None


def png(face: Image.Image) -> bytes:
    """A face as a PNG file with its settings as metadata."""
    file = io.BytesIO()
    face.save(file, format="PNG", pnginfo=images.png_info(face.info))
    return file.getvalue()


def data_uri(face: Image.Image | np.ndarray) -> str:
    """A face, or uint8 [S, S, 3], as the data URI of a PNG file."""
    picture = Image.fromarray(face) if isinstance(face, np.ndarray) else face
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode()


def half_drawn(model: Model, codes: np.ndarray) -> np.ndarray:
    """The first codes of faces, int32 [B, drawn] -> uint8 [B, S, S, 3], gray where codes are missing.

    With several grids, missing codes of the finer ones should add nothing: the shortest vector replaces them.
    """
    tokenizer, drawn = model.image_tokenizer, codes.shape[1]
    rows = tokenizer.config.grids[0]
    whole = np.full((len(codes), tokenizer.config.tokens), _shortest(model), np.int32)
    whole[:, :drawn] = codes
    pixels = model.decode(whole).copy()
    pixels[:, model.image_size * min(drawn // rows, rows) // rows :] = UNDRAWN
    return pixels


def _shortest(model: Model) -> int:
    codebook = np.asarray(model.image_tokenizer.params["quantize"]["embedding"])
    return int(np.square(codebook).sum(-1).argmin())
