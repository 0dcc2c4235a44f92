"""What is asked of a model: n faces of one prompt, how they are drawn, and how a score of one is kept."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NotRequired, TypedDict

import numpy as np

from t2f_jax.errors import UserError
from t2f_jax.inference.sampler import Sampler
from t2f_jax.inference.token_model import BATCH
from t2f_jax.tokens.prompts import Prompt, Requests

SAMPLER_FIELDS = tuple(field.name for field in dataclasses.fields(Sampler))


class FaceOptions(TypedDict, total=False):
    """What `generate`, `complete` and `vary` take besides words, by name.

    Attributes:
      avoid: what the faces should not show, such as `{"hat": "yes"}` or `{"hat": ("yes", 2.0)}`.
      keep: how many of a description's n faces are returned, those first that show best what was asked by
        log p(text, attributes | face), as the model itself reads its faces; all as they came if not given.
      sampler: how codes are drawn; the model's own (`Model.sampler`) if not given.
      batch_size: most faces drawn at once.
      progress: called with the number of faces that were drawn since its last call.
      temperature, final_temperature, top_k, top_p, min_p, guidance: changes to the sampler.
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


class Score(TypedDict):
    """How well words and a face go together, in nats; see `Model.score`."""

    text: NotRequired[float]
    attributes: dict[str, float]
    total: float
    image: float


@dataclasses.dataclass(frozen=True)
class FaceRequest:
    """n faces of one prompt. Raises UserError where its parts do not fit together.

    Attributes:
      prompt, n, seed, keep, batch_size, progress: as in `Model.generate`.
      sampler: how codes are drawn.
      imposed: for a seed, the codes int32 [codes of an image] that its face must have, -1 where one is drawn; None if
        all are drawn.
      about: what a face's "options" say besides the sampler's fields.
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
        n, seed, keep = self.n, self.seed, self.keep
        if self.batch_size < 1:
            raise UserError(f"batch_size={self.batch_size} must be 1 or more")
        if n < 1 or (keep is not None and not 1 <= keep <= n):
            raise UserError(f"n={n} faces, keep={keep}: n must be 1 or more, keep from 1 to n")
        if not 0 <= seed <= 2**32 - n:
            raise UserError(f"a seed is a whole number from 0 to {2**32 - 1}, got {seed} to {seed + n - 1}")
        if keep is not None and not self.prompt.says_something:
            raise UserError("keep: without a text or attributes nothing says which faces are the best")

    @property
    def seeds(self) -> range:
        """One for each face."""
        return range(self.seed, self.seed + self.n)
