"""Checks requests: converts raw JSON values into requests to the model.

A wrong value raises `WrongArgument` or another `UserError`, whose message is shown to the user.
"""

import dataclasses
from typing import Any

import numpy as np

from t2f_jax import arguments
from t2f_jax.demo.limits import Limits
from t2f_jax.errors import WrongArgument
from t2f_jax.inference.face_request import FaceRequest
from t2f_jax.inference.model import Model
from t2f_jax.tokens import prompts


@dataclasses.dataclass(frozen=True, eq=False)
class Describe:
    """A request for captions of a face, uint8 [S, S, 3]: the most likely one, or n sampled ones."""

    pixels: np.ndarray
    n: int
    seed: int


@dataclasses.dataclass(frozen=True, eq=False)
class Analyze:
    """A request for answers about a face, uint8 [S, S, 3]; `attributes` are names."""

    pixels: np.ndarray
    attributes: tuple[str, ...]


Ask = FaceRequest | Describe | Analyze


def faces(
    model: Model,
    limits: Limits,
    text: Any,
    attributes: Any,
    avoid: Any,
    n: Any,
    best_of: Any,
    seed: Any,
    guidance: Any,
) -> FaceRequest:
    """A request for n faces from text.

    Args:
      attributes, avoid: lists of "NAME=VALUE" or "NAME=VALUE:WEIGHT", as `t2f generate` takes them.
      best_of: this many are generated, of which the best n are shown; 0 or n: all are shown.
      guidance: None: the model's own.

    Raises:
      UserError: anything that `Model.generate` refuses, or more than `limits` allows.
    """
    text = _text(limits, text)
    n = arguments.whole_number("n", n, 1, limits.faces)
    best_of = arguments.whole_number("best_of", best_of, 0, limits.drawn) or n
    if best_of < n:
        raise WrongArgument(f"best_of={best_of} is less than n={n}; set it to {n} or more")
    wanted, unwanted = (
        prompts.parse(_names(limits, name, value), model.schema)
        for name, value in (("attributes", attributes), ("avoid", avoid))
    )
    changes = {} if guidance is None else {"guidance": guidance}
    keep = n if best_of > n else None
    request = model.face_request(text, wanted, best_of, seed, avoid=unwanted, keep=keep, **changes)
    if not request.prompt.says_something:
        raise WrongArgument("the prompt is empty; write a text, or choose attributes")
    return request


def describe(limits: Limits, pixels: np.ndarray, n: Any, seed: Any) -> Describe:
    """A request for captions. Raises WrongArgument for a number or seed out of range."""
    n = arguments.whole_number("n", n, 1, limits.captions)
    return Describe(pixels, n, arguments.first_seed(seed, n))


def analyze(model: Model, limits: Limits, pixels: np.ndarray, attributes: Any) -> Analyze:
    """A request for answers; no attributes means all. Raises WrongArgument for an unknown one."""
    names = _names(limits, "attributes", attributes)
    return Analyze(pixels, tuple(a.name for a in model.asked(names)))


def _text(limits: Limits, text: Any) -> str:
    text = arguments.text("text", "" if text is None else text)
    if len(text) > limits.signs:
        raise WrongArgument(f"the text has {len(text)} characters; write at most {limits.signs}")
    return " ".join(text.split())


def _names(limits: Limits, name: str, value: Any) -> list[str]:
    names = arguments.texts(name, [] if value is None else value)
    if len(names) > limits.attributes or any(len(one) > limits.signs for one in names):
        raise WrongArgument(f"{name} is too long; name at most {limits.attributes}, each once")
    return names
