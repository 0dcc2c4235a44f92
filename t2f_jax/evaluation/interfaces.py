"""Inputs of a measure: a model, a judge, requests for faces, and a function that counts finished work.

Axes: N faces, S image side, n codes per image.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from t2f_jax.config.schema import ReadingConfig
from t2f_jax.inference.sampler import Sampler
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.prompts import Prompt

Request = Mapping[str, str | int]  # what a generated face should show: {attribute: value}
Advance = Callable[[int], object]  # called with the number of newly finished units, such as `Progress.advance`


def ignore(_: int) -> None:
    """An `Advance` that does nothing."""


class Model(Protocol):
    """What measures need from a model; `inference.model.Model` is one."""

    def encode(self, images: np.ndarray, /) -> np.ndarray:
        """uint8 [N, S, S, 3] -> image codes int32 [N, n]."""
        ...

    def decode(self, codes: np.ndarray, /) -> np.ndarray:
        """Image codes int32 [N, n] -> uint8 [N, S, S, 3]."""
        ...

    def answers(
        self,
        images: np.ndarray,
        attributes: Sequence[Attribute],
        reading: ReadingConfig | None = None,
        codes: np.ndarray | None = None,
        /,
    ) -> list[dict[str, np.ndarray]]:
        """uint8 [N, S, S, 3], and their codes if known -> {attribute: probabilities of its candidates, [V]} of each."""
        ...

    def describe(
        self, images: np.ndarray, reading: ReadingConfig | None = None, codes: np.ndarray | None = None, /
    ) -> list[str]:
        """uint8 [N, S, S, 3], and their codes if known -> a caption for each face."""
        ...

    def prompt(self, text: str, attributes: Request, /) -> Prompt:
        """The prompt for a caption (may be empty) and attributes."""
        ...

    def generate_codes(self, prompts: Sequence[Prompt | str], seeds: Sequence[int], sampler: Sampler, /) -> np.ndarray:
        """Generates a face for each prompt and seed -> codes int32 [N, n]."""
        ...

    def prompt_scores(self, codes: np.ndarray, prompts: Sequence[Prompt], /) -> Sequence[Mapping[str, Any]]:
        """The model's score of each face for its prompt: {"total": log probability in nats, ...}."""
        ...


class Judge(Protocol):
    """Predicts what a face shows, without knowing the request; `evaluation.judge.Judge` is one."""

    @property
    def hash(self) -> str:
        """Changes with its predictions."""
        ...

    def predict(self, images: np.ndarray, /) -> Sequence[Mapping[str, str | int]]:
        """uint8 [N, S, S, 3] -> for each face {attribute: value}; attributes that it does not know are absent."""
        ...


@dataclasses.dataclass(frozen=True)
class Trial:
    """Faces that a model generates for requests or captions, and optionally a judge that predicts what they show.

    Attributes:
      requests: what is asked for; empty if captions are used.
      texts: captions as prompts, in place of requests.
      schema: the attributes that the requests are made of.
      seed: face i is generated with `seed + i`.
      sampler: how the model samples.
      labels: all known attributes of the held-out faces that the requests were made from, if they are compared.
    """

    model: Model
    judge: Judge | None
    requests: Sequence[Request]
    schema: Sequence[Attribute]
    seed: int
    sampler: Sampler
    labels: Sequence[Request] = ()
    texts: Sequence[str] = ()

    def key(self) -> dict[str, Any]:
        """Everything that determines the faces and judgements, besides the model; plain JSON."""
        return {
            "texts": list(self.texts),
            "requests": [dict(request) for request in self.requests],
            "judge": self.judge and self.judge.hash,
            "sampler": self.sampler.to_dict(),
            "seed": self.seed,
        }
