"""The colours of drawn faces, and the pen that draws their shapes."""

import numpy as np
from PIL import Image, ImageDraw

from t2f_jax.data.datasets.synthetic.anatomy import CIRCLE_Nx2

Colour = tuple[int, int, int]
HAIR: dict[str, Colour] = {"black": (28, 26, 34), "brown": (98, 50, 16), "blond": (232, 176, 48), "red": (196, 62, 16)}
SKIN: dict[str, Colour] = {"light": (255, 217, 186), "medium": (218, 158, 108), "dark": (148, 96, 66)}
BACKGROUND: dict[str, Colour] = {
    "blue": (126, 174, 236),
    "green": (146, 206, 134),
    "yellow": (252, 236, 150),
    "gray": (170, 170, 174),
}
CLOTHING: dict[str, Colour] = {
    "red": (206, 32, 44),
    "white": (246, 246, 246),
    "black": (34, 34, 40),
    "purple": (122, 52, 168),
}
IRIS: tuple[Colour, ...] = ((70, 42, 24), (40, 90, 160), (44, 110, 70))
GREY: Colour = (206, 206, 210)
FRAME: Colour = (26, 34, 128)
HAT: Colour = (206, 44, 120)
HAT_BAND: Colour = (84, 14, 60)
SCARF: Colour = (0, 146, 150)
SCARF_STRIPE: Colour = (248, 240, 214)
EARRING: Colour = (0, 196, 136)
EARRING_EDGE: Colour = (12, 62, 52)
WHITE: Colour = (252, 252, 252)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` with `share` of it replaced by `b`."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b))  # type: ignore[return-value]


def darker(hair: Colour, share: float) -> Colour:
    """Hair in shade: `share` darker, a little warmer (plain black would turn blond olive)."""
    red, green, blue = hair
    return round(red * (1 - 0.85 * share)), round(green * (1 - 1.05 * share)), round(blue * (1 - 1.1 * share))


class Pen:
    """Fills shapes on a supersampled canvas, transformed by the picture's small shift, zoom and lean."""

    def __init__(self, pixels: int, ground: Colour, shift: np.ndarray, zoom: float, lean: float):
        self.image = Image.new("RGB", (pixels, pixels), ground)
        self._draw = ImageDraw.Draw(self.image)
        # about (0.5, 0.85), a little above its place: x += lean * height above the shoulders
        self._matrix_2x2 = pixels * zoom * np.array([[1, 0], [-lean, 1]])
        self._offset_2 = pixels * (np.array([0.5, 0.79]) + shift) - np.array([0.5, 0.85]) @ self._matrix_2x2
        self._scale = pixels * zoom

    def fill(self, points_Nx2: np.ndarray, colour: Colour) -> None:
        """A polygon."""
        self._draw.polygon((points_Nx2 @ self._matrix_2x2 + self._offset_2).ravel().tolist(), fill=colour)

    def oval(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """An ellipse of half-axes rx, ry."""
        self.fill(CIRCLE_Nx2 * (rx, ry) + (x, y), colour)

    def line(self, points_Nx2: np.ndarray, width: float, colour: Colour) -> None:
        """An open curve."""
        points = (points_Nx2 @ self._matrix_2x2 + self._offset_2).ravel().tolist()
        self._draw.line(points, fill=colour, width=max(1, round(width * self._scale)), joint="curve")
