"""What the rows of the table measure: a model, random prompts and faces for it, and the machine."""

import dataclasses

import numpy as np

from t2f_jax.bench.machine import Machine
from t2f_jax.inference.model import Model

PREFIX = 48  # ids of the prompt of a generated face, if the model can read as many


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes:
      machine: its limits measured so far.
      codes: int32 [32, codes of an image], random faces.
      prefix: random ids of a prompt.
      peer: the command of a `peer.Peer` for the image tokenizer; None if there is none.
    """

    model: Model
    machine: Machine
    codes: np.ndarray
    prefix: list[int]
    peer: str | None = None

    @property
    def tokens(self) -> int:
        """The number of codes of an image."""
        return self.model.image_tokenizer.config.tokens


def make_subject(model: Model, peer: str | None = None) -> Subject:
    """A model with random inputs, always the same ones."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, model.vocab.image_size, (32, model.image_tokenizer.config.tokens), np.int32)
    prefix = rng.integers(4, model.vocab.text_size, min(PREFIX, model.text_length)).tolist()
    return Subject(model, Machine(), codes, prefix, peer)
