"""Grids of images."""

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 4  # pixels between the images of a grid


FONT_SIZE = 13


def png(image: np.ndarray | Image.Image) -> bytes:
    """uint8 [S, S, 3] or a PIL image -> the bytes of its PNG file."""
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def grid(images: np.ndarray, columns: int, scale: int = 1, captions: Sequence[str] | None = None) -> Image.Image:
    """uint8 [N, S, S, 3] row by row, `columns` abreast, each `scale` times its size, with a line of text under each.

    Raises:
      ValueError: no images, or not one caption for each.
    """
    n, side = len(images), images.shape[1] * scale
    if not n or (captions is not None and len(captions) != n):
        raise ValueError(f"a grid needs an image, and a caption for each or none; got {n} images")
    columns = max(1, min(columns, n))
    rows = math.ceil(n / columns)
    font = ImageFont.load_default(FONT_SIZE)
    line = FONT_SIZE + 6 if captions else 0
    sheet = Image.new("RGB", (columns * (side + GAP) - GAP, rows * (side + line + GAP) - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for i in range(n):
        left, top = i % columns * (side + GAP), i // columns * (side + line + GAP)
        picture = Image.fromarray(np.asarray(images[i], np.uint8))
        sheet.paste(picture.resize((side, side), Image.Resampling.BICUBIC) if scale > 1 else picture, (left, top))
        if captions:
            text = captions[i]
            while text and draw.textlength(text, font) > side:  # what does not fit ends in an ellipsis
                text = text[:-2].rstrip("…") + "…" if len(text) > 2 else ""
            draw.text((left, top + side + 2), text, fill="black", font=font)
    return sheet


def reconstruction_grid(
    originals: np.ndarray, reconstructions: np.ndarray, columns: int = 8, scale: int = 1
) -> Image.Image:
    """Originals above their reconstructions, both uint8 [N, S, S, 3]; `columns` pairs abreast."""
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
