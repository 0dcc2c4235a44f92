"""Stand-ins for the inputs of evaluation: labelled faces, a model with predefined answers, a judge."""

import numpy as np

from t2f_jax.tokens.attributes import Attribute

SCHEMA = (
    Attribute("gender", ("male", "female")),
    Attribute("hat", ("no", "yes")),
    Attribute("age", low=1, high=90),
)
RED, BLUE = 200, 10


def face(gender=None, hat=None, age=None, captions=()):
    known = {"gender": gender, "hat": hat, "age": age}
    return {"attributes": {k: v for k, v in known.items() if v is not None}, "captions": list(captions)}


class FakeModel:
    """A model with predefined answers; a face's number is in its first pixel.

    told: a face's number -> {attribute: probabilities}. draws: (prompt, seed) -> the code of the generated face.
    """

    def __init__(self, told=(), draws=None):
        self.told, self.draws, self.calls = told, draws, []

    def answers(self, images, attributes, reading=None, codes=None):
        self.calls.append(len(images))
        return [{a.name: self.told[row[0]][a.name] for a in attributes} for row in self.encode(images)]

    def describe(self, images, reading=None, codes=None):
        return [f"face {row[0]}" for row in self.encode(images)]

    def encode(self, images):
        return images[:, :1, :2, 0].reshape(len(images), 2).astype(np.int32)

    def decode(self, codes):
        return np.repeat(codes[:, :1], 12, axis=1).reshape(-1, 2, 2, 3).astype(np.uint8)

    def generate_codes(self, texts, seeds, sampler=None):
        self.calls.append((list(texts), list(seeds), sampler))
        return np.array([[self.draws(text, seed)] * 2 for text, seed in zip(map(str, texts), seeds)])


class FakeJudge:
    """Judges a red image as a man of 40 with a hat, any other as a woman of 20 without one."""

    hash = "the judge"

    def predict(self, images):
        man, woman = {"gender": "male", "hat": "yes", "age": 40}, {"gender": "female", "hat": "no", "age": 20}
        return [man if image[0, 0, 0] == RED else woman for image in images]


def numbered(n):
    images = np.zeros((n, 2, 2, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(n)
    return images


def ages(**probabilities):
    p = np.zeros(90)
    for age, share in probabilities.items():
        p[int(age[1:]) - 1] = share
    return p
