"""Answers and captions of pictures: answers from one or two views of a face, captions as text or from answers.

Axes: N faces, S image side, V values of an attribute.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax import arguments
from t2f_jax.config.schema import EvalConfig, ReadingConfig
from t2f_jax.config.typed import from_dict
from t2f_jax.errors import naming
from t2f_jax.inference.likelihoods import LikelihoodModel
from t2f_jax.inference.token_model import BATCH
from t2f_jax.tokens import ages
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.plain_captions import plain_caption


class ReadingModel(LikelihoodModel):
    """A model that reads faces as its config says, unless the caller chooses otherwise."""

    @property
    def reading(self) -> ReadingConfig:
        """This model's default way to read faces: as in its evaluation, if its provenance records that."""
        return default_reading(self.provenance)

    def answers(
        self,
        images: np.ndarray,
        attributes: str | Sequence[Attribute | str] | None = None,
        reading: ReadingConfig | None = None,
        codes: np.ndarray | None = None,
        batch_size: int = BATCH,
    ) -> list[dict[str, np.ndarray]]:
        """As `probabilities`, for uint8 [N, S, S, 3]; if two views are read, their mean.

        Args:
          codes: of the images, if known.

        Raises:
          WrongArgument: an unknown attribute, images of another shape or type, or not a `ReadingConfig`.
        """
        reading = self._reading_or(reading)
        codes = self._codes_of(images, codes)
        found = self.probabilities(codes, attributes, batch_size)
        if not reading.mirror:
            return found
        mirrored = self.probabilities(self.encode(np.asarray(images)[:, :, ::-1]), attributes, batch_size)
        return [{name: (one[name] + other[name]) / 2 for name in one} for one, other in zip(found, mirrored)]

    def describe(
        self,
        images: np.ndarray,
        reading: ReadingConfig | None = None,
        codes: np.ndarray | None = None,
        length: int = 64,
        batch_size: int = BATCH,
    ) -> list[str]:
        """A caption for each of uint8 [N, S, S, 3]: the most likely words, at most `length` ids, or from its answers.

        Captions from answers have minimum Bayes risk: of all plain captions they have the largest gain if each fact
        gains its probability and costs `reading.least_probability`. Source: Kumar & Byrne, 2004.

        Args:
          codes: of the images, if known.

        Raises:
          WrongArgument, UserError: as `describe_codes`.
        """
        reading = self._reading_or(reading)
        codes = self._codes_of(images, codes)
        if reading.captions == "words":
            return self.describe_codes(codes, length=length, batch_size=batch_size)
        answers = self.answers(images, None, reading, codes, batch_size)
        return [plain_caption(likely_facts(face, self.schema, reading.least_probability)) for face in answers]

    def _codes_of(self, images: np.ndarray, codes: np.ndarray | None) -> np.ndarray:
        if codes is None:
            return self.encode(images)
        checked = self.image_tokenizer.checked_codes(codes)
        arguments.one_each("rows of codes", checked, len(images))
        return checked

    def _reading_or(self, reading: ReadingConfig | None) -> ReadingConfig:
        if reading is None:
            return self.reading
        return arguments.instance("reading", reading, ReadingConfig, "t2f_jax.config.schema")


def default_reading(provenance: Mapping[str, Any]) -> ReadingConfig:
    """A model's default way to read faces.

    Raises:
      UserError: the provenance has an invalid value; the message names the key.
    """
    known = provenance.get("config", {}).get("eval", {})
    names = [field.name for field in dataclasses.fields(ReadingConfig)]
    chosen = {name: known[name] for name in names if name in known} if isinstance(known, Mapping) else known
    with naming("provenance.json"):
        config = from_dict(EvalConfig, chosen, "eval.")
    return ReadingConfig(**{name: getattr(config, name) for name in names})


def likely_facts(answers: Mapping[str, np.ndarray], schema: Sequence[Attribute], least: float) -> dict[str, str | int]:
    """The facts with at least this probability, {name: value}; for the age the most likely stage of life, as a range.

    Other numbers are left out, since captions do not state them.

    Args:
      answers: {attribute: probabilities of its candidates, [V]}.
    """
    facts: dict[str, str | int] = {}
    for attribute in schema:
        if attribute.name not in answers or (attribute.is_number and attribute.name != "age"):
            continue
        probs_V = answers[attribute.name]
        values = [[k] for k in range(len(probs_V))]
        if attribute.is_number:
            values = [[k - attribute.low for k in stage] for stage in ages.stages(attribute.low, attribute.high)]
        shares = [float(probs_V[places].sum()) for places in values]
        best = int(np.argmax(shares))
        if shares[best] >= least:
            first, last = values[best][0], values[best][-1]
            named = f"{attribute.low + first}-{attribute.low + last}"
            facts[attribute.name] = named if attribute.is_number else attribute.values[first]
    return facts
