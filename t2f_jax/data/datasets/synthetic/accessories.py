"""Accessories of drawn faces: hat, glasses, earrings."""

import numpy as np

from t2f_jax.data.datasets.synthetic.anatomy import Anatomy, CIRCLE_Nx2
from t2f_jax.data.datasets.synthetic.pen import EARRING, EARRING_EDGE, FRAME, HAT, HAT_BAND, Pen


def hat(pen: Pen, a: Anatomy) -> None:
    """A wide-brimmed hat, high enough to leave hair and forehead visible."""
    brim = a.crown + 0.10 * (a.chin - a.crown)
    w = a.width
    top = brim - 0.20
    pen.fill(
        np.array(
            [
                [0.5 - 0.95 * w, brim],
                [0.5 - 0.78 * w, top + 0.03],
                [0.5 - 0.5 * w, top],
                [0.5 + 0.5 * w, top],
                [0.5 + 0.78 * w, top + 0.03],
                [0.5 + 0.95 * w, brim],
            ]
        ),
        HAT,
    )
    pen.fill(
        np.array(
            [
                [0.5 - 0.95 * w, brim],
                [0.5 - 0.90 * w, brim - 0.065],
                [0.5 + 0.90 * w, brim - 0.065],
                [0.5 + 0.95 * w, brim],
            ]
        ),
        HAT_BAND,
    )
    pen.oval(0.5, brim, w + 0.13, 0.042, HAT)


def glasses(pen: Pen, a: Anatomy) -> None:
    """Thick round frames."""
    r = a.width * 0.43
    for side in (-1, 1):
        x = 0.5 + side * a.spacing
        ring = CIRCLE_Nx2[np.arange(34) % 32] * (r, r) + (x, a.eye)
        pen.line(ring, 0.026, FRAME)
        pen.line(np.array([[x + side * r, a.eye - 0.01], [0.5 + side * (a.width + 0.012), a.eye - 0.02]]), 0.024, FRAME)
    pen.line(np.array([[0.5 - a.spacing + r, a.eye - 0.01], [0.5 + a.spacing - r, a.eye - 0.01]]), 0.024, FRAME)


def earrings(pen: Pen, a: Anatomy) -> None:
    """Large emerald discs below the ears."""
    for side in (-1, 1):
        x, y = 0.5 + side * (a.width + 0.028), a.eye + 0.03 + a.ear + 0.045
        pen.oval(x, y, 0.050, 0.056, EARRING_EDGE)
        pen.oval(x, y, 0.038, 0.044, EARRING)
