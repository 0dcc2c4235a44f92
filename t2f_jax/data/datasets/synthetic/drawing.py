"""Labels to pixels: draws a cartoon face with PIL, in flat shapes, from back to front.

Only the labels and a little jitter determine the drawing. Colours are very different and details are large, so that an
image tokenizer preserves them. The geometry is that of `anatomy`: the canvas is the unit square, y down.
"""

import math
from collections.abc import Mapping

import numpy as np

from t2f_jax.data.datasets.synthetic.accessories import earrings, glasses, hat
from t2f_jax.data.datasets.synthetic.anatomy import ARC, TURN, Anatomy, across, outline
from t2f_jax.data.datasets.synthetic.pen import (
    BACKGROUND,
    CLOTHING,
    GREY,
    HAIR,
    IRIS,
    SCARF,
    SCARF_STRIPE,
    SKIN,
    WHITE,
    Colour,
    Pen,
    darker,
    mix,
)


def draw_labels(labels: Mapping[str, str | int], rng: np.random.Generator, size: int) -> np.ndarray:
    """Draws the face that `labels` (every attribute of synthetic.SCHEMA) describe.

    `rng` decides the rest: a small shift, zoom and lean, the iris colour, a slight variation of colours.

    Returns:
      uint8 [size, size, 3]. The same labels and an equal rng give the same face at every size.

    Raises:
      KeyError: an attribute is missing, or its value is not in the schema.
    """
    jitter = rng.uniform(-1, 1, 7)
    iris = IRIS[int(rng.integers(len(IRIS)))]
    age, male = int(labels["age"]), labels["gender"] == "male"
    has = {name: labels[name] == "yes" for name in ("glasses", "beard", "hat", "smile", "earrings", "scarf", "bangs")}
    a = Anatomy.of(age, male, labels["face shape"] == "long")

    def shade(colour: Colour, amount: float) -> Colour:
        return mix(colour, (0, 0, 0) if amount < 0 else (255, 255, 255), abs(amount))

    skin = SKIN[str(labels["skin tone"])]
    grey = round(sum(skin) / 3)
    skin = mix(skin, (grey, grey, grey), 0.36 * a.ageing)  # pallor
    skin = shade(skin, 0.005 * jitter[3])
    hair = mix(HAIR[str(labels["hair color"])], GREY, 0.55 * a.ageing)
    hair = shade(hair, 0.005 * jitter[4])
    ground = shade(BACKGROUND[str(labels["background"])], 0.01 * jitter[5])
    cloth = shade(CLOTHING[str(labels["clothing color"])], 0.006 * jitter[6] - 0.02)

    factor = max(2, math.ceil(256 / size))
    pen = Pen(size * factor, ground, jitter[:2] * 0.004, 0.94 + 0.005 * jitter[2], 0.01 * rng.uniform(-1, 1))
    body(pen, a, skin, cloth, hair, labels["hair length"] == "long", has["scarf"])
    head(pen, a, skin, male)
    wrinkles(pen, a, skin)
    if has["beard"]:
        beard(pen, a, hair)
    eyes(pen, a, skin, hair, iris, male, has["glasses"])
    mouth(pen, a, skin, male, has["smile"])
    front_hair(pen, a, hair, male, has["bangs"])
    if has["hat"]:
        hat(pen, a)
    if has["glasses"]:
        glasses(pen, a)
    if has["earrings"]:
        earrings(pen, a)
    return np.asarray(pen.image.reduce(factor))


def body(pen: Pen, a: Anatomy, skin: Colour, cloth: Colour, hair: Colour, is_long: bool, scarf: bool) -> None:
    """Everything behind the head: shoulders, long or short hair, neck, scarf."""
    s, w = a.shoulder, a.shoulders
    right = np.array(
        [[0, s - 0.01], [a.neck + 0.03, s - 0.005], [0.7 * w, s + 0.035], [0.95 * w, s + 0.09], [w + 0.02, 1.3]]
    )
    pen.fill(np.concatenate([right, right[::-1] * (-1, 1)]) + np.array([0.5, 0]), cloth)
    puff = 0.042 - 0.012 * a.ageing
    if is_long:
        top, side = outline(a, puff + 0.02)[16:], a.width + 0.075
        low = min(0.95, a.chin + 0.13)
        sides = np.array(
            [
                [0.5 + side, a.eye],
                [0.5 + side + 0.025, low - 0.03],
                [0.5 + side - 0.04, low + 0.01],
                [0.5 + 0.09, low - 0.02],
            ]
        )
        mirrored = (sides * (-1, 1) + (1, 0))[::-1]
        pen.fill(np.concatenate([top, sides, mirrored]), hair)
    else:
        pen.fill(
            np.concatenate([outline(a, puff)[16:], [[0.5 + a.width, a.eye + 0.05], [0.5 - a.width, a.eye + 0.05]]]),
            hair,
        )
    shadow = mix(skin, (60, 20, 10), 0.22)
    pen.fill(
        np.array(
            [
                [0.5 - a.neck, a.chin - 0.15],
                [0.5 + a.neck, a.chin - 0.15],
                [0.5 + a.neck, s],
                [0.5 + 0.6 * a.neck, s + 0.045],
                [0.5 - 0.6 * a.neck, s + 0.045],
                [0.5 - a.neck, s],
            ]
        ),
        shadow,
    )
    if scarf:
        half = a.neck + 0.075
        pen.fill(np.array([[0.52, s], [0.52 + half * 0.8, s], [0.50 + half, 1.1], [0.54, 1.1]]), SCARF)
        for y, colour in ((s - 0.055, SCARF), (s - 0.015, SCARF_STRIPE), (s + 0.025, SCARF)):
            pen.oval(0.5, y + 0.02, half, 0.055, colour)
        pen.line(np.array([[0.55, s + 0.10], [0.5 + half, s + 0.10]]), 0.022, SCARF_STRIPE)


def head(pen: Pen, a: Anatomy, skin: Colour, male: bool) -> None:
    """Ears, face, blush, nose."""
    edge = mix(skin, (70, 25, 10), 0.25)
    for side in (-1, 1):
        x = 0.5 + side * (a.width + 0.004)
        pen.oval(x, a.eye + 0.03, 0.030 + 0.1 * a.ear, a.ear + 0.01, edge)
        pen.oval(x, a.eye + 0.03, 0.020 + 0.1 * a.ear, a.ear, skin)
    pen.fill(outline(a), skin)
    # light on the forehead: if hair and skin have the same colour, it distinguishes a bare forehead from bangs
    pen.oval(0.5, a.eye - a.eye_size - 0.075, a.width * 0.72, 0.062, mix(skin, (255, 255, 255), 0.2))
    rosy = (0.08 if male else 0.42) * (1 - 0.8 * a.ageing) + 0.15 * (1 - a.growth)
    for side in (-1, 1):
        pen.oval(0.5 + side * a.width * 0.66, a.nose - 0.012, 0.050, 0.034, mix(skin, (236, 92, 92), rosy))
    wide = 0.018 + 0.014 * a.growth + 0.014 * a.ageing + (0.004 if male else 0)
    bridge = a.eye + 0.01
    pen.fill(
        np.array([[0.495, bridge], [0.505, bridge], [0.5 + wide, a.nose], [0.5, a.nose + 0.012], [0.5 - wide, a.nose]]),
        mix(skin, (80, 30, 10), 0.16),
    )
    pen.oval(0.5, a.nose - 0.004, wide, 0.017, mix(skin, (110, 40, 20), 0.2))


def wrinkles(pen: Pen, a: Anatomy, skin: Colour) -> None:
    """Wrinkles, whose number, length and darkness grow with age; and age spots."""
    t = a.ageing
    if t <= 0.05:
        return
    ink = mix(skin, (70, 30, 20), 0.12 + 0.38 * t)
    soft = mix(skin, (90, 50, 50), 0.05 + 0.25 * t)
    thick = 0.006 + 0.009 * t
    brow = a.eye - a.eye_size - 0.05
    for k in range(int(t * 4.2)):
        pen.line(across(0.5, brow - 0.035 - 0.032 * k, a.width * (0.3 + 0.3 * t), -0.008), thick, ink)
    for side in (-1, 1):
        bag = a.eye_size * 1.1
        pen.oval(0.5 + side * a.spacing, a.eye + a.eye_size * 0.9, bag, 0.008 + 0.018 * t, soft)
        x = 0.5 + side * (a.spacing + a.eye_size + 0.012)
        for k in range(int(1 + 2.5 * t)):
            end = (x + side * (0.012 + 0.03 * t), a.eye + (k - 1) * 0.026)
            pen.line(np.array([[x, a.eye + (k - 1) * 0.008], end]), thick, ink)
        fold = np.array(
            [
                [0.5 + side * 0.05, a.nose - 0.01],
                [0.5 + side * (0.07 + 0.02 * t), a.nose + 0.03],
                [0.5 + side * (0.075 + 0.015 * t), a.nose + 0.03 + 0.07 * t],
            ]
        )
        pen.line(fold, thick * 1.2, ink)
        if t > 0.4:
            spot = 0.006 + 0.012 * (t - 0.4)
            pen.oval(0.5 + side * a.width * 0.78, a.eye + 0.075 + side * 0.012, spot, spot, soft)
            pen.oval(0.5 + side * a.width * 0.55, brow - 0.06 + side * 0.015, spot, spot, soft)


def beard(pen: Pen, a: Anatomy, hair: Colour) -> None:
    """A full beard: the jaw's contour, longer than the chin, and a moustache."""
    ends = a.nose - 0.05
    for grow, colour in ((0.008, darker(hair, 0.5)), (0.0, darker(hair, 0.25))):
        low = outline(a, 0.004 + grow)[:17] + np.stack([np.zeros(17), 0.045 * np.sin(TURN[:17]) ** 2], -1)
        half = ARC * (a.width + grow)
        moustache = a.nose + 0.018 - grow - (a.nose + 0.018 - ends) * np.abs(ARC) ** 4
        top = np.stack([0.5 + half, moustache], -1)
        pen.fill(np.concatenate([low[low[:, 1] > ends + 0.01], top]), colour)


def eyes(pen: Pen, a: Anatomy, skin: Colour, hair: Colour, iris: Colour, male: bool, glasses: bool) -> None:
    """Eyes, lashes and brows; the skin behind glasses is paler."""
    e = a.eye_size
    for side in (-1, 1):
        x = 0.5 + side * a.spacing
        if glasses:
            pen.oval(x, a.eye, a.width * 0.43, a.width * 0.43, mix(skin, (235, 245, 255), 0.45))
        if not male:
            pen.oval(x + side * 0.008, a.eye - 0.010, e + 0.014, e * 0.80 + 0.006, (30, 20, 26))
            tip = np.array(
                [
                    [x + side * e * 0.5, a.eye - e * 0.6],
                    [x + side * (e + 0.04), a.eye - e * 0.75 - 0.016],
                    [x + side * (e + 0.006), a.eye],
                ]
            )
            pen.fill(tip, (30, 20, 26))
        else:
            pen.oval(x, a.eye - 0.004, e + 0.004, e * 0.8, mix(skin, (40, 10, 0), 0.55))
        pen.oval(x, a.eye, e, e * 0.76, WHITE)
        pen.oval(x, a.eye, e * 0.62, e * 0.68, iris)
        pen.oval(x, a.eye, e * 0.34, e * 0.38, (10, 8, 10))
        pen.oval(x - 0.3 * e, a.eye - 0.3 * e, e * 0.17, e * 0.17, WHITE)
        y, bend, thick = (a.eye - e - 0.020, -0.006, 0.030) if male else (a.eye - e - 0.026, -0.030, 0.012)
        brow = across(x, y, e * 0.8 + 0.026, bend)
        pen.line(brow, thick, darker(hair, 0.25))


def mouth(pen: Pen, a: Anatomy, skin: Colour, male: bool, smile: bool) -> None:
    """A laughing or a straight mouth; lips are full and red in women, thin and of skin colour in men."""
    lip = mix(skin, (120, 40, 30), 0.55) if male else (206, 26, 62)
    edge = 0.006 if male else 0.014
    y = a.mouth
    if smile:
        half, deep = a.width * 0.52, 0.085
        top, low = across(0.5, y - 0.022, half, 0.012), across(0.5, y - 0.022, half, deep)
        rim = np.concatenate(
            [
                across(0.5, y - 0.022 - edge * 0.6, half + edge, 0.010),
                across(0.5, y - 0.024, half + edge, deep + edge)[::-1],
            ]
        )
        pen.fill(rim, lip)
        pen.fill(np.concatenate([top, low[::-1]]), (110, 14, 24))
        pen.fill(
            np.concatenate(
                [across(0.5, y - 0.022, half * 0.96, 0.013), across(0.5, y - 0.020, half * 0.9, deep * 0.62)[::-1]]
            ),
            WHITE,
        )
    else:
        half = a.width * 0.34
        if not male:
            pen.fill(np.concatenate([across(0.5, y, half, -0.024), across(0.5, y, half, 0.030)[::-1]]), lip)
        else:
            pen.fill(np.concatenate([across(0.5, y, half, -0.010), across(0.5, y, half, 0.014)[::-1]]), lip)
        pen.line(np.array([[0.5 - half, y], [0.5 + half, y]]), 0.010, mix(lip, (40, 0, 0), 0.6))


def front_hair(pen: Pen, a: Anatomy, hair: Colour, male: bool, bangs: bool) -> None:
    """The hair over the forehead: its line recedes with age, more in men; bangs reach down to the brows."""
    height = a.chin - a.crown
    recede = (0.14 if male else 0.08) * a.ageing + 0.06 * (1 - a.growth)
    line = a.crown + height * ((0.20 if bangs else 0.17) - recede)
    outer = outline(a, 0.042 - 0.012 * a.ageing)[16:]
    temple = a.width * (0.99 - 0.10 * a.ageing)
    low = a.eye - 0.02 - 0.05 * a.ageing
    inner = across(0.5, low, temple, line - low)
    inner[:, 1] = low + (line - low) * (1 - np.abs(ARC) ** (5 - 2.2 * a.ageing if not male else 6 - 3.4 * a.ageing))
    inner = np.concatenate(
        [
            [[0.5 + a.width + 0.03, a.eye + 0.02], [0.5 + a.width - 0.012, a.eye + 0.03]],
            inner[::-1],
            [[0.5 - a.width + 0.012, a.eye + 0.03], [0.5 - a.width - 0.03, a.eye + 0.02]],
        ]
    )
    pen.fill(np.concatenate([outer, inner]), hair)
    pen.line(inner[2:-2], 0.012, darker(hair, 0.4))  # separates hair from skin if both have the same colour
    if bangs:
        low = a.eye - a.eye_size - 0.012
        teeth = np.linspace(-1, 1, 9)
        x = 0.5 + a.width * 0.92 * teeth
        fringe = np.stack([x, low - 0.028 * (np.arange(9) % 2)], -1)
        top = outline(a, -0.005)[18:31]
        pen.fill(np.concatenate([top, fringe[::-1]]), darker(hair, 0.28))
        pen.line(fringe, 0.020, darker(hair, 0.6))
