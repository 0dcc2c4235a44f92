"""A request for n faces of one prompt: how they are sampled, and how much of a given face is kept."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

import numpy as np

from t2f_jax import arguments
from t2f_jax.errors import WrongArgument, nearest
from t2f_jax.inference.sampler import Sampler, given_or
from t2f_jax.inference.token_model import BATCH
from t2f_jax.tokens.prompts import Prompt, Requests


class FaceOptions(TypedDict, total=False):
    """Keyword options of `generate`, `complete` and `vary`.

    Attributes:
      avoid: what the faces should not show, such as `{"hat": "yes"}` or `{"hat": ("yes", 2.0)}`.
      keep: the number of a description's n faces to return, best first by log p(text, attributes | face), computed by
        the model itself; if not given, all of them in their order.
      sampler: how image codes are sampled; the model's own (`Model.sampler`) if not given.
      batch_size: largest number of faces generated at once.
      progress: called with the number of faces generated since its last call.
      temperature, final_temperature, top_k, top_p, min_p, guidance, number_guidance: changes to the sampler.
    """

    avoid: Requests | None
    keep: int | None
    sampler: Sampler | None
    batch_size: int
    progress: Callable[[int], object] | None
    temperature: float
    final_temperature: float | None
    top_k: int
    top_p: float
    min_p: float
    guidance: float
    number_guidance: float


SAMPLER_FIELDS = tuple(field.name for field in dataclasses.fields(Sampler))


def changed_sampler(given: Sampler | None, default: Sampler, changes: Mapping[str, Any]) -> Sampler:
    """The given sampler, or the default, with changed fields.

    Raises:
      WrongArgument: not a sampler, an invalid value of a field, or an unknown option (the message names the nearest).
    """
    for name in changes:
        if name not in SAMPLER_FIELDS:
            near = nearest(name, FaceOptions.__annotations__, 0.6)
            hint = f"the nearest is '{near}'" if near else f"there are {', '.join(FaceOptions.__annotations__)}"
            raise WrongArgument(f"unknown option '{name}'={arguments.shown(changes[name])}; {hint}")
    return dataclasses.replace(given_or(given, default), **changes)


def kept_of(share: float, count: int, what: str) -> tuple[float, int]:
    """A checked share of `count`, and the number that it keeps. Raises WrongArgument if that is none, or all."""
    share = arguments.share("share", share)
    kept = round(share * count)
    if not 0 < kept < count:
        raise WrongArgument(
            f"share={share} of {count} {what} must keep at least one and leave at least one to generate"
        )
    return share, kept


@dataclasses.dataclass(frozen=True)
class FaceRequest:
    """A request for n faces of one prompt. Raises WrongArgument for a part that is wrong or does not fit the others.

    Attributes:
      prompt, n, seed, keep, batch_size, progress: as in `Model.generate`.
      sampler: how codes are sampled.
      imposed: seed -> the fixed codes of its face, int32 [codes of an image], -1 for sampled ones; None if all are
        sampled.
      about: additions to the sampler's fields in a face's "options".
    """

    prompt: Prompt
    n: int
    seed: int
    sampler: Sampler
    keep: int | None = None
    imposed: Callable[[int], np.ndarray] | None = None
    about: Mapping[str, float] = dataclasses.field(default_factory=dict)
    batch_size: int = BATCH
    progress: Callable[[int], object] | None = None

    def __post_init__(self) -> None:
        n = arguments.whole_number("n", self.n, 1)
        seed, batch_size = arguments.first_seed(self.seed, n), arguments.batch_size(self.batch_size)
        keep = None if self.keep is None else arguments.whole_number("keep", self.keep, 1, n)
        for name, value in {"n": n, "seed": seed, "batch_size": batch_size, "keep": keep}.items():
            object.__setattr__(self, name, value)  # plain ints, for the metadata
        arguments.instance("sampler", self.sampler, Sampler)
        if self.progress is not None and not callable(self.progress):
            raise arguments.wrong("progress", self.progress, "a function of the number of faces")
        if keep is not None and not self.prompt.says_something:
            raise WrongArgument("keep: without a text or attributes nothing says which faces are the best")

    @property
    def seeds(self) -> range:
        """The seeds, one for each face."""
        return range(self.seed, self.seed + self.n)
