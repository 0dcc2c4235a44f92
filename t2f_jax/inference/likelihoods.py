"""Probabilities that a loaded model computes for faces: of answers, captions, image codes and whole prompts.

Axes: N faces, n codes per image.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import numpy as np

from t2f_jax import arguments
from t2f_jax.errors import WrongArgument
from t2f_jax.inference import scoring
from t2f_jax.inference.batching import split
from t2f_jax.inference.sampler import Sampler, given_or
from t2f_jax.inference.token_model import BATCH, TokenModel
from t2f_jax.tokens import sequence, templates
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.prompts import Prompt


@dataclasses.dataclass(frozen=True, order=True)
class Caption:
    """A caption and log p(caption | face) in nats, including its end; ordered by probability first."""

    log_probability: float
    text: str


class PromptScore(TypedDict):
    """How well a face matches its prompt, in nats; "text" only if the prompt has a text."""

    text: NotRequired[float]
    attributes: dict[str, float]
    avoided: dict[str, float]
    total: float


class Score(TypedDict):
    """How well a text and attributes match a face, in nats; see `Model.score`."""

    text: NotRequired[float]
    attributes: dict[str, float]
    total: float
    image: float


class LikelihoodModel(TokenModel):
    """A model that computes probabilities of text, attributes and faces."""

    def caption_codes(
        self,
        codes: np.ndarray,
        n: int,
        length: int = 64,
        seed: int = 0,
        sampler: Sampler | None = None,
        batch_size: int = BATCH,
    ) -> list[list[Caption]]:
        """Image codes int32 [N, n] -> for each face the distinct ones of n sampled captions, most likely first.

        Args:
          length: largest number of ids of a caption.
          seed: of a face's first caption; it increases by 1 from caption to caption.
          sampler: `Sampler()` if not given.

        Raises:
          WrongArgument: as `describe_codes`; n below 1.
        """
        codes, n = self.image_tokenizer.checked_codes(codes), arguments.whole_number("n", n, 1)
        first = arguments.first_seed(seed, n)
        repeated, seeds = np.repeat(codes, n, axis=0), [*range(first, first + n)] * len(codes)
        texts = self.describe_codes(repeated, seeds, given_or(sampler, Sampler()), length, batch_size)
        # A caption that is cut at the model's last position has no room for its end.
        scores = self._caption_scores(repeated, texts, cut=True)
        drawn = [Caption(*pair) for pair in zip(scores.tolist(), texts)]
        return [sorted(set(face), reverse=True) for face in split(drawn, n)]

    def probabilities(
        self,
        codes: np.ndarray,
        attributes: str | Sequence[Attribute | str] | None = None,
        batch_size: int = BATCH,
    ) -> list[dict[str, np.ndarray]]:
        """Exact probabilities of every answer.

        Args:
          codes: int32 [N, n].
          attributes: one or several; all of the model's if not given.

        Returns:
          For each face {attribute name: float64 [len(attribute.candidates())]}, each summing to 1.

        Raises:
          WrongArgument: an unknown attribute (the message names the nearest), or codes that this model does not have.
        """
        codes, size, questions = (
            self.image_tokenizer.checked_codes(codes),
            arguments.batch_size(batch_size),
            self.asked(attributes),
        )
        answers = []
        for prefixes in split(self._image_prefixes(codes, templates.ATTRIBUTE_PROMPT), size):
            answers += scoring.score_attributes(self.engine, self.tokenizer, prefixes, questions)
        return answers

    def face_features(self, codes: np.ndarray, batch_size: int = BATCH) -> np.ndarray:
        """Image codes int32 [N, n] -> the model's features of each face when it answers questions, float32 [N, width].

        Two faces with close features are similar to this model; another model has other features. Raises WrongArgument
        for codes that this model does not have.
        """
        codes, size = self.image_tokenizer.checked_codes(codes), arguments.batch_size(batch_size)
        prefixes = self._image_prefixes(codes, templates.ATTRIBUTE_PROMPT)
        parts = [scoring.face_features(self.engine, part) for part in split(prefixes, size)]
        return np.concatenate(parts) if parts else np.zeros((0, self.decoder.config.width), np.float32)

    def asked(self, attributes: str | Sequence[Attribute | str] | None = None) -> list[Attribute]:
        """The attributes with these names, or this name; all of the model's if none is given.

        Raises:
          WrongArgument: an unknown one (the message names the nearest).
        """
        if attributes is None:
            return list(self.schema)
        names = [attributes] if isinstance(attributes, (str, Attribute)) else attributes
        names = arguments.items("attributes", names, "a name, or a list of names")
        return [a if isinstance(a, Attribute) else self.attribute(a) for a in names] or list(self.schema)

    def caption_scores(self, codes: np.ndarray, captions: Sequence[str]) -> np.ndarray:
        """log p(caption | face) in nats, including its end, float64 [N]; -inf if the caption has an [UNK]."""
        codes, captions = self.image_tokenizer.checked_codes(codes), self._texts("captions", captions, len(codes))
        return self._caption_scores(codes, captions)

    def _caption_scores(self, codes: np.ndarray, captions: Sequence[str], cut: bool = False) -> np.ndarray:
        """`caption_scores`; with `cut`, each caption is cut to the ids that the model has positions for."""
        prefixes = self._image_prefixes(codes, templates.CAPTION_PROMPT)
        ends = [sequence.answer(self.vocab, self.tokenizer, caption) for caption in captions]
        if cut and self.engine.most_ids < math.inf:
            ends = [end[: int(self.engine.most_ids) - len(prefix)] for prefix, end in zip(prefixes, ends)]
        return np.array(scoring.score_text(self.engine, prefixes, ends))

    def check_caption(self, text: str) -> None:
        """Checks, before faces are generated, that `caption_scores` can rank them by a caption.

        Raises:
          WrongArgument: the caption is too long, or has an [UNK], so that all faces would have the same score.
        """
        (prefix,) = self._image_prefixes(self._blank_codes(1), templates.CAPTION_PROMPT)
        answer = sequence.answer(self.vocab, self.tokenizer, arguments.text("text", text))
        self.engine.check_length(len(prefix) + len(answer))
        if self.vocab.unk in answer:
            raise WrongArgument(
                f"the text {text[:60]!r} has characters that this model does not know, so it cannot rank faces by it;"
                " leave them out, or keep all faces"
            )

    def image_scores(self, codes: np.ndarray, sentences: Sequence[str]) -> np.ndarray:
        """log p(face's codes | text) in nats, float64 [N]; texts as in `Prompt.sentence`, or empty."""
        codes = self.image_tokenizer.checked_codes(codes)
        prefixes = [self._text_prefix(sentence) for sentence in self._texts("sentences", sentences, len(codes))]
        ids = [self.vocab.image_ids(row).tolist() for row in codes]
        return np.array(scoring.score_text(self.engine, prefixes, ids, "image"))

    def prompt_scores(self, codes: np.ndarray, prompts: Sequence[Prompt | str]) -> list[PromptScore]:
        """How well each face matches its prompt, by the model itself.

        Returns:
          For each face, all in nats, {"text": log p(text | face) (only if there is a text),
          "attributes": {name: log p(value | face)}, "avoided": {name: log (1 - p(value | face))}, "total": the sum of
          all of these}.
        """
        codes, asked = self.image_tokenizer.checked_codes(codes), self.checked_prompts(prompts)
        arguments.one_each("prompts", asked, len(codes))
        texts = self._text_scores(codes, asked)
        probabilities: Sequence[dict[str, np.ndarray]] = [{}] * len(asked)
        if any(p.wanted or p.avoided for p in asked):
            probabilities = self.probabilities(codes)  # all attributes: one tree, compiled once for all prompts
        scores: list[PromptScore] = []
        for row, prompt in enumerate(asked):
            wanted, avoided = (self._shares(probabilities[row], values) for values in (prompt.wanted, prompt.avoided))
            attributes = {name: float(np.log(max(p, 1e-30))) for name, p in wanted.items()}
            absent = {name: float(np.log1p(-min(p, 1 - 1e-12))) for name, p in avoided.items()}
            total = texts.get(row, 0.0) + sum(attributes.values()) + sum(absent.values())
            score: PromptScore = {"attributes": attributes, "avoided": absent, "total": total}
            if row in texts:
                score["text"] = texts[row]
            scores.append(score)
        return scores

    def score_codes(self, codes: np.ndarray, prompts: Sequence[Prompt | str]) -> list[Score]:
        """How well each face matches its prompt, see `Model.score`; without values to avoid."""
        asked = self.checked_prompts(prompts)
        images = self.image_scores(codes, [p.sentence for p in asked])
        scores: list[Score] = []
        for face, image in zip(self.prompt_scores(codes, asked), images):
            score: Score = {"attributes": face["attributes"], "total": face["total"], "image": float(image)}
            scores.append({"text": face["text"], **score} if "text" in face else score)
        return scores

    def _texts(self, name: str, texts: Sequence[str], count: int) -> list[str]:
        """`count` checked texts; a single str is refused, because it could be meant for all or for one."""
        if isinstance(texts, str):
            raise arguments.wrong(name, texts, "a list of str, one for each face")
        checked = arguments.texts(name, texts)
        arguments.one_each(name, checked, count)
        return checked

    def _text_scores(self, codes: np.ndarray, prompts: Sequence[Prompt]) -> dict[int, float]:
        """{row: log p(text | face)} for the prompts that have a text."""
        rows = [i for i, p in enumerate(prompts) if p.text.strip()]
        if not rows:
            return {}
        return dict(zip(rows, self.caption_scores(codes[rows], [prompts[i].text for i in rows]).tolist()))

    def _shares(self, probabilities: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> dict[str, float]:
        """{name: probability of that value}."""
        places = {name: self.attribute(name).places(value) for name, value in values.items()}
        return {name: float(probabilities[name][place].sum()) for name, place in places.items()}
