"""What a loaded model computes, arrays in and arrays out: codes of faces, faces of codes, words, probabilities.

Axes: N faces, S image side, n codes per image.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import numpy as np

from t2f_jax.bundle import Bundle
from t2f_jax.environment import computes
from t2f_jax.errors import UserError
from t2f_jax.inference import decoding, engine, grammar, scoring
from t2f_jax.inference.batching import call_in_batches, split
from t2f_jax.inference.sampler import Sampler, default_sampler
from t2f_jax.io.images import Picture, load_images
from t2f_jax.models.decoder import Decoder
from t2f_jax.tokens import sequence, templates
from t2f_jax.tokens.attributes import Attribute, find_attribute
from t2f_jax.tokens.prompts import Prompt

BATCH = 32  # faces computed at once


@dataclasses.dataclass(frozen=True, order=True)
class Caption:
    """A caption and log p(caption | face) in nats, its end included; compared by its probability first."""

    log_probability: float
    text: str


class PromptScore(TypedDict):
    """How well a face shows what its prompt asks for, in nats; "text" only if the prompt has a text."""

    text: NotRequired[float]
    attributes: dict[str, float]
    avoided: dict[str, float]
    total: float


class TokenModel:
    """A model's parts and what they compute. `model.Model` is what a user meets."""

    def __init__(self, bundle: Bundle):
        self.bundle = bundle
        self.run_config, self.name, self.provenance = bundle.run_config, bundle.name, bundle.provenance
        self.image_tokenizer, self.tokenizer = bundle.image_tokenizer, bundle.tokenizer
        self.preprocess = bundle.preprocess
        self.schema, self.vocab, self.params = bundle.schema, bundle.vocab, bundle.params
        self.decoder = Decoder(bundle.run_config.model, self.vocab.size)

    def __reduce__(self) -> tuple:
        """Pickled and copied by its parts; what is compiled for this machine is made anew."""
        return type(self), (self.bundle,)

    @property
    def image_size(self) -> int:
        """Side of the images it takes and makes, in pixels."""
        return self.image_tokenizer.config.resolution

    @property
    def sampler(self) -> Sampler:
        """How this model draws faces if nothing else is said: as it was evaluated, where its provenance says how."""
        return default_sampler(self.provenance)

    @functools.cached_property
    def engine(self) -> engine.Engine:
        """The decoder as `decoding` and `scoring` run it."""
        return computes(engine.prepare)(self.decoder, self.params, self.vocab)

    @property
    def hash(self) -> str:
        """Hash of all weights, for provenance; the one in its folder, where there is one."""
        return self.bundle.hash

    def attribute(self, name: str) -> Attribute:
        """The attribute of that name. Raises UserError, naming the nearest right one."""
        return find_attribute(name, self.schema)

    # ----- words and pixels -----

    @property
    def text_length(self) -> int:
        """Most ids of a prompt, its frame included: as many as training had room for before an image."""
        return self.bundle.text_length

    def fits_prompt(self, text: str) -> bool:
        """Does the model read all of a prompt, or only its first `text_length` ids?"""
        return len(sequence.text_prefix(self.vocab, self.tokenizer, text, None)) <= self.text_length

    def has_unknown_tokens(self, text: str) -> bool:
        """Does a prompt hold characters that the model has no id for, such as another language's?"""
        return self.vocab.unk in sequence.text_prefix(self.vocab, self.tokenizer, text, None)

    def images(self, pictures: Picture | Sequence[Picture]) -> np.ndarray:
        """Paths, PIL images or arrays -> uint8 [N, S, S, 3], cropped and resized as in training.

        Faces that a model drew (their metadata says so) are taken whole.
        """
        squash = self.preprocess.resize == "squash"
        return load_images(pictures, self.image_size, self.preprocess.crop, squash)

    @computes
    def encode(self, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """uint8 [N, S, S, 3] -> image codes int32 [N, n]."""
        return call_in_batches(self.image_tokenizer.encode, images, batch_size)

    @computes
    def decode(self, codes: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """Image codes int32 [N, n] -> uint8 [N, S, S, 3]."""
        return call_in_batches(self.image_tokenizer.decode, codes, batch_size)

    # ----- words -> codes -----

    def requests(
        self,
        prompts: Sequence[Prompt],
        seeds: Sequence[int],
        guidance: float = 1.0,
        imposed: Sequence[np.ndarray] | None = None,
    ) -> list[decoding.Request]:
        """The rows that `decoding.generate` draws for faces: every prompt's clauses as variants of one row.

        Args:
          imposed: for each face int32 [n], codes that it must have, -1 where one is drawn.

        Raises:
          UserError: guidance or weighted clauses of a model that was not trained on prompts without words.
        """
        wordless = self._text_prefix("")
        span = grammar.image(self.vocab, self.image_tokenizer.config.tokens)
        requests = []
        for row, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
            clauses = prompt.weighted(guidance)
            self._check_guidance([weight for _, weight in clauses], guidance)
            variants = [(self._text_prefix(words), weight) for words, weight in clauses]
            prefixes, weights = decoding.guided(variants, wordless)
            ids: Sequence[int] = ()
            if imposed is not None:
                codes = imposed[row]
                ids = np.where(codes < 0, -1, self.vocab.image_ids(np.maximum(codes, 0))).tolist()
            requests.append(decoding.Request(prefixes, span, seed, weights, ids))
        return requests

    def _check_guidance(self, weights: Sequence[float], guidance: float) -> None:
        if (len(weights) > 1 or any(w != 1 for w in weights)) and not self.run_config.tasks.prompt_dropout:
            what = "weights of attributes and what to avoid need" if guidance == 1 else f"guidance={guidance} needs"
            raise UserError(
                f"{what} a model trained with decoder.tasks.prompt_dropout above 0; this one was not: use guidance 1"
                " and no weights"
            )

    def generate_codes(
        self,
        prompts: Sequence[Prompt | str],
        seeds: Sequence[int],
        sampler: Sampler | None = None,
        imposed: Sequence[np.ndarray] | None = None,
        batch_size: int = BATCH,
    ) -> np.ndarray:
        """Codes of one face for each prompt and seed, int32 [N, n].

        The same seed, words and sampler give the same face whatever is made beside it. `imposed` as in `requests`;
        `batch_size`: most faces drawn at once. Raises UserError as `requests` and `decoding.generate` do.
        """
        sampler = sampler or self.sampler
        checked = [Prompt(p) if isinstance(p, str) else p for p in prompts]
        requests = self.requests(checked, seeds, sampler.guidance, imposed)
        rows = decoding.generate(self.engine, requests, sampler, batch_size)
        return self.vocab.codes(np.stack(rows))

    # ----- codes -> words -----

    def describe_codes(
        self,
        codes: np.ndarray,
        seeds: Sequence[int] | None = None,
        sampler: Sampler | None = None,
        length: int = 64,
        batch_size: int = BATCH,
    ) -> list[str]:
        """Image codes int32 [N, n] -> a caption of at most `length` ids each; greedy unless a sampler is given.

        Raises:
          UserError: the model's positions leave no room for words behind a face, or a `length` below 1.
        """
        if length < 1:
            raise UserError(f"length={length}: a caption has 1 id or more")
        prefixes = self._image_prefixes(codes, templates.CAPTION_PROMPT)
        spare = self.decoder.config.max_length - self.decoder.config.image_position - len(prefixes[0])
        if spare < 1:
            raise UserError(
                f"the model's {self.decoder.config.max_length} positions leave no room for words behind a face; train"
                " one with more decoder.model.max_length"
            )
        seeds = list(seeds) if seeds is not None else [0] * len(prefixes)
        span = grammar.text(self.vocab, min(length, spare))
        requests = [decoding.Request((p,), span, seed) for p, seed in zip(prefixes, seeds, strict=True)]
        rows = decoding.generate(self.engine, requests, sampler or Sampler(temperature=0.0), batch_size)
        return [templates.sentence_case(self.tokenizer.decode(row.tolist())) for row in rows]

    def caption_codes(
        self,
        codes: np.ndarray,
        n: int,
        length: int = 64,
        seed: int = 0,
        sampler: Sampler | None = None,
        batch_size: int = BATCH,
    ) -> list[list[Caption]]:
        """Image codes int32 [N, n] -> for each face the different ones of n drawn captions, the likeliest first.

        Args:
          length: most ids of a caption.
          seed: of a face's first caption, the others' follow.
          sampler: `Sampler()` if not given.

        Raises:
          UserError: as `describe_codes`; n below 1.
        """
        if n < 1:
            raise UserError(f"n={n}: a face needs 1 caption or more")
        repeated = np.repeat(codes, n, axis=0)
        seeds = [*range(seed, seed + n)] * len(codes)
        texts = self.describe_codes(repeated, seeds, sampler or Sampler(), length, batch_size)
        drawn = [Caption(*pair) for pair in zip(self.caption_scores(repeated, texts).tolist(), texts)]
        return [sorted(set(face), reverse=True) for face in split(drawn, n)]

    # ----- probabilities -----

    def probabilities(
        self, codes: np.ndarray, attributes: Sequence[Attribute | str] | None = None, batch_size: int = BATCH
    ) -> list[dict[str, np.ndarray]]:
        """Exact probabilities of every answer.

        Args:
          codes: int32 [N, n].
          attributes: what to ask; all that the model knows if not given.

        Returns:
          For each face {attribute name: float64 [len(attribute.candidates())]}, each summing to 1.
        """
        questions = [self.attribute(a) if isinstance(a, str) else a for a in (attributes or self.schema)]
        answers = []
        for prefixes in split(self._image_prefixes(codes, templates.ATTRIBUTE_PROMPT), batch_size):
            answers += scoring.score_attributes(self.engine, self.tokenizer, prefixes, questions)
        return answers

    def caption_scores(self, codes: np.ndarray, captions: Sequence[str]) -> np.ndarray:
        """log p(caption | face) in nats, its end included, float64 [N]; -inf where the caption holds [UNK]."""
        prefixes = self._image_prefixes(codes, templates.CAPTION_PROMPT)
        ends = [sequence.answer(self.vocab, self.tokenizer, caption) for caption in captions]
        return np.array(scoring.score_text(self.engine, prefixes, ends))

    def check_caption(self, text: str) -> None:
        """Finds out before a face is drawn whether `caption_scores` can tell faces apart by a caption.

        Raises:
          UserError: it has no room for the caption, or the caption holds [UNK], so that no face is likelier to show it.
        """
        face = np.zeros((1, self.image_tokenizer.config.tokens), np.int32)
        (prefix,) = self._image_prefixes(face, templates.CAPTION_PROMPT)
        answer = sequence.answer(self.vocab, self.tokenizer, text)
        self.engine.check_length(len(prefix) + len(answer))
        if self.vocab.unk in answer:
            raise UserError(
                f"the text {text[:60]!r} holds signs that this model does not know, so that it cannot tell which face"
                " shows it best; write it without them, or keep all faces"
            )

    def image_scores(self, codes: np.ndarray, sentences: Sequence[str]) -> np.ndarray:
        """log p(face's codes | words) in nats, float64 [N]; the words as in `Prompt.sentence`, empty for none."""
        prefixes = [self._text_prefix(sentence) for sentence in sentences]
        ids = [self.vocab.image_ids(row).tolist() for row in codes]
        return np.array(scoring.score_text(self.engine, prefixes, ids, "image"))

    def prompt_scores(self, codes: np.ndarray, prompts: Sequence[Prompt]) -> list[PromptScore]:
        """How well each face shows what its prompt asks for, as the model itself reads it.

        Returns:
          For each face, all in nats, {"text": log p(text | face) (only if there is a text), "attributes": {name: log
          p(value | face)}, "avoided": {name: log (1 - p(value | face))}, "total": the sum of all those}.
        """
        texts = self._text_scores(codes, prompts)
        probabilities: Sequence[dict[str, np.ndarray]] = [{}] * len(prompts)
        if any(p.wanted or p.avoided for p in prompts):
            probabilities = self.probabilities(codes)  # of all attributes: one tree, compiled once for any prompt
        scores: list[PromptScore] = []
        for row, prompt in enumerate(prompts):
            wanted, avoided = (self._shares(probabilities[row], values) for values in (prompt.wanted, prompt.avoided))
            attributes = {name: float(np.log(max(p, 1e-30))) for name, p in wanted.items()}
            absent = {name: float(np.log1p(-min(p, 1 - 1e-12))) for name, p in avoided.items()}
            total = texts.get(row, 0.0) + sum(attributes.values()) + sum(absent.values())
            score: PromptScore = {"attributes": attributes, "avoided": absent, "total": total}
            if row in texts:
                score["text"] = texts[row]
            scores.append(score)
        return scores

    def _text_scores(self, codes: np.ndarray, prompts: Sequence[Prompt]) -> dict[int, float]:
        """{row: log p(text | face)} of the prompts that have a text."""
        rows = [i for i, p in enumerate(prompts) if p.text.strip()]
        if not rows:
            return {}
        return dict(zip(rows, self.caption_scores(codes[rows], [prompts[i].text for i in rows]).tolist()))

    def _shares(self, probabilities: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> dict[str, float]:
        """{name: probability of that value}."""
        places = {name: self.attribute(name).candidates().index(str(value)) for name, value in values.items()}
        return {name: float(probabilities[name][place]) for name, place in places.items()}

    def _text_prefix(self, text: str) -> tuple[int, ...]:
        return sequence.text_prefix(self.vocab, self.tokenizer, text, self.text_length)

    def _image_prefixes(self, codes: np.ndarray, task: str) -> list[tuple[int, ...]]:
        return [sequence.image_prefix(self.vocab, self.tokenizer, task, row) for row in codes]
