"""Views of a face: mirrored, shifted and scaled copies, each a pure function of its number."""

import math

import numpy as np
from PIL import Image


def view(image_SxSx3: np.ndarray, seed: int, index: int, v: int, flip: bool, jitter: float) -> np.ndarray:
    """View `v` of an image, uint8 [S, S, 3], a pure function of (seed, index, v): 0 is the image itself.

    Odd views are mirrored if `flip`, so that a few views have both directions. `jitter` is the largest shift, and the
    largest change of scale, as a share of the side; outside the image the edge is repeated.
    """
    if v == 0:
        return image_SxSx3
    image = image_SxSx3[:, ::-1] if flip and v % 2 else image_SxSx3
    if jitter <= 0:
        return np.ascontiguousarray(image)
    shift_x, shift_y, zoom = np.random.default_rng((seed, index, v)).uniform(-jitter, jitter, 3)
    side = image.shape[0]
    half = side * (1 + zoom) / 2
    margin = math.ceil(side * jitter * 1.5) + 1  # largest distance of a shifted, widened box from the image
    wide = Image.fromarray(np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="edge"))
    x, y = margin + side / 2 + shift_x * side, margin + side / 2 + shift_y * side
    return np.array(wide.resize((side, side), Image.Resampling.BICUBIC, box=(x - half, y - half, x + half, y + half)))
