"""Grids of images. Axes: N images, S image side in pixels."""

import io
import math

import numpy as np
from PIL import Image

GAP = 4  # pixels between the images of a grid
SHOWN_SIDE = 128  # pixels: smaller faces are enlarged by an integer factor


def png(image: np.ndarray | Image.Image) -> bytes:
    """uint8 [S, S, 3] or a PIL image -> the bytes of its PNG file."""
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def grid(images: np.ndarray, columns: int, scale: int = 1) -> Image.Image:
    """uint8 [N, S, S, 3] -> one image: row by row, `columns` side by side, each enlarged `scale` times.

    Raises:
      ValueError: there are no images.
    """
    n, side = len(images), images.shape[1] * scale
    if not n:
        raise ValueError("a grid needs at least one image")
    columns = max(1, min(columns, n))
    rows = math.ceil(n / columns)
    sheet = Image.new("RGB", (columns * (side + GAP) - GAP, rows * (side + GAP) - GAP), "white")
    for i in range(n):
        left, top = i % columns * (side + GAP), i // columns * (side + GAP)
        picture = Image.fromarray(np.asarray(images[i], np.uint8))
        sheet.paste(picture.resize((side, side), Image.Resampling.BICUBIC) if scale > 1 else picture, (left, top))
    return sheet


def reconstruction_grid(
    originals: np.ndarray, reconstructions: np.ndarray, columns: int = 8, scale: int = 1
) -> Image.Image:
    """Originals above their reconstructions, both uint8 [N, S, S, 3]; `columns` pairs side by side."""
    bands = []
    for start in range(0, len(originals), columns):
        rows = slice(start, start + columns)
        part = np.concatenate([originals[rows], reconstructions[rows]])
        bands.append(grid(part, columns=len(part) // 2, scale=scale))
    sheet = Image.new("RGB", (bands[0].width, sum(b.height for b in bands) + 3 * GAP * (len(bands) - 1)), "white")
    top = 0
    for band in bands:
        sheet.paste(band, (0, top))
        top += band.height + 3 * GAP
    return sheet


def scale(images: np.ndarray) -> int:
    """The factor by which images [N, S, S, 3] are enlarged for display."""
    return max(1, SHOWN_SIDE // images.shape[1])


def enlarged(face: np.ndarray) -> bytes:
    """uint8 [S, S, 3] -> a PNG file, enlarged to at least `SHOWN_SIDE` pixels a side if S divides it."""
    return png(grid(face[None], 1, scale(face[None])))
