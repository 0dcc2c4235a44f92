"""The proportions and curves of a drawn head, by age, gender and face shape.

The canvas is the unit square, y down, the face's axis at x = 0.5. Points are rows (x, y): [N, 2].
"""

import dataclasses
import math

import numpy as np

TURN = np.linspace(0, 2 * math.pi, 33)[:-1]
CIRCLE_Nx2 = np.stack([np.cos(TURN), np.sin(TURN)], -1)
ARC = np.linspace(-1, 1, 13)  # abscissae of curves across the face


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """Proportions of a head, in canvas units, around the vertical axis x = 0.5."""

    growth: float  # 0 newborn .. 1 adult
    ageing: float  # 0 until 18 .. 1 at 90, linear: the change from 80 to 90 is as large as from 20 to 30
    crown: float  # y of the skull's top
    chin: float  # y
    width: float  # half the face's width
    jaw: float  # exponent of the lower outline: small = square, large = pointed
    eye: float  # y of the eyes
    eye_size: float
    spacing: float  # x distance of an eye from the axis
    nose: float  # y of the nose's tip
    mouth: float  # y
    ear: float  # half an ear's height
    shoulder: float  # y
    shoulders: float  # half the shoulders' width
    neck: float  # half the neck's width

    @classmethod
    def of(cls, age: int, male: bool, is_long: bool) -> "Anatomy":
        """The head of a person of `age` years; `is_long` is the face's shape."""
        growth, ageing = 1 - math.exp(-age / 9), max(0.0, (age - 18) / 72)
        crown = 0.335 - 0.155 * growth + 0.085 * ageing - (0.02 if is_long else -0.02)
        chin = 0.80 - 0.04 * growth + 0.045 * ageing + (0.01 if is_long else -0.015)
        width = (0.222 - 0.018 * growth - 0.014 * ageing) * (0.86 if is_long else 1.12) * (1.03 if male else 0.97)
        height = chin - crown
        eye = crown + height * (0.62 - 0.11 * growth - 0.04 * ageing)
        return cls(
            growth=growth,
            ageing=ageing,
            crown=crown,
            chin=chin,
            width=width,
            jaw=(0.72 - 0.22 * growth if male else 0.86 + 0.14 * growth) - 0.18 * ageing,
            eye=eye,
            eye_size=0.070 - 0.024 * growth - 0.018 * ageing,
            spacing=width * 0.46,
            nose=eye + 0.055 + 0.05 * growth + 0.035 * ageing,
            mouth=crown + height * (0.835 - 0.02 * growth + 0.01 * ageing),
            ear=0.032 + 0.016 * growth + 0.024 * ageing,
            shoulder=0.905 - 0.065 * growth - 0.01 * ageing,
            shoulders=(0.235 + 0.245 * growth if male else 0.205 + 0.175 * growth) - 0.05 * ageing,
            neck=(0.078 + 0.060 * growth if male else 0.060 + 0.022 * growth) - 0.012 * ageing,
        )


def across(x: float, y: float, half: float, bend: float) -> np.ndarray:
    """A parabola [13, 2] of half-width `half` around (x, y): its ends at y, its middle `bend` lower."""
    return np.stack([x + half * ARC, y + bend * (1 - ARC**2)], -1)


def outline(a: Anatomy, grow: float = 0.0) -> np.ndarray:
    """The head's contour [32, 2], clockwise on screen from the right temple; `grow` widens it on all sides."""
    c, s = CIRCLE_Nx2.T
    middle = a.crown + 0.45 * (a.chin - a.crown)
    exponent = np.where(s > 0, a.jaw, 0.9)
    x = (a.width + grow) * np.sign(c) * np.abs(c) ** exponent
    y = np.where(s > 0, a.chin + grow - middle, middle - a.crown + grow) * s
    return np.stack([0.5 + x, middle + y], -1)
