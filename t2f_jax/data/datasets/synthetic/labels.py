"""The attributes of a drawn face, and its pixels.

Both labels and pixels are pure functions of (seed, index), so the dataset can have any length, needs no disk, and is
the same on every machine. No value is rare: at least a fifth of all faces have it.
"""

import numpy as np

from t2f_jax.data.datasets.synthetic.drawing import draw_labels
from t2f_jax.tokens.attributes import Attribute

NO_YES = ("no", "yes")
SCHEMA: tuple[Attribute, ...] = (
    Attribute("gender", ("male", "female")),
    Attribute("hair color", ("black", "brown", "blond", "red")),
    Attribute("hair length", ("short", "long")),
    Attribute("glasses", NO_YES),
    Attribute("beard", NO_YES),
    Attribute("hat", NO_YES),
    Attribute("smile", NO_YES),
    Attribute("earrings", NO_YES),
    Attribute("scarf", NO_YES),
    Attribute("bangs", NO_YES),
    Attribute("skin tone", ("light", "medium", "dark")),
    Attribute("background", ("blue", "green", "yellow", "gray")),
    Attribute("clothing color", ("red", "white", "black", "purple")),
    Attribute("face shape", ("round", "long")),
    Attribute("age", low=1, high=90),
)

# Probability of the second value, (men, women); otherwise all values are equally likely. The genders differ only a
# little, so that no attribute determines another. Only men have beards, from BEARD_AGE on.
SECOND_VALUE = {
    "hair length": (0.35, 0.65),
    "earrings": (0.3, 0.6),
    "hat": (0.4, 0.4),
    "beard": (0.6, 0.0),
}
BEARD_AGE = 16


def labels(seed: int, index: int) -> dict[str, str | int]:
    """Attributes of face `index`: {name: value}, age (years) as int, every attribute of SCHEMA present."""
    rng = np.random.default_rng((seed, index, 0))
    uniform = rng.random(len(SCHEMA))  # one number for each, whatever the values: a new rule changes no other attribute
    face: dict[str, str | int] = {}
    for attribute, u in zip(SCHEMA, uniform):
        if attribute.is_number:
            face[attribute.name] = attribute.low + int(u * (attribute.high - attribute.low + 1))
        elif attribute.name in SECOND_VALUE:
            men, women = SECOND_VALUE[attribute.name]
            face[attribute.name] = attribute.values[int(u < (men if face["gender"] == "male" else women))]
        else:
            face[attribute.name] = attribute.values[int(u * len(attribute.values))]
    if int(face["age"]) < BEARD_AGE:
        face["beard"] = "no"
    return face


def draw(seed: int, index: int, size: int) -> np.ndarray:
    """Face `index` as uint8 [size, size, 3]; the same face at every size."""
    return draw_labels(labels(seed, index), np.random.default_rng((seed, index, 1)), size)
