"""A loaded model as functions of arrays: faces to codes, codes to faces, text to codes, codes to text.

Axes: N faces, S image side, n codes per image.
"""

import dataclasses
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from t2f_jax import arguments
from t2f_jax.bundle import Bundle
from t2f_jax.environment import computes
from t2f_jax.errors import UserError, WrongArgument
from t2f_jax.inference import decoding, engine, grammar
from t2f_jax.inference.batching import call_in_batches
from t2f_jax.inference.sampler import Sampler, default_sampler, given_or
from t2f_jax.io.framing import Framing
from t2f_jax.io.images import Picture, load_images
from t2f_jax.models.decoder import Decoder
from t2f_jax.tokens import sequence, templates
from t2f_jax.tokens.attributes import Attribute, find_attribute
from t2f_jax.tokens.prompts import Prompt, repeat_numbers

BATCH = 32  # faces computed at once


class TokenModel:
    """A model's parts and what they compute. `model.Model` is the user's interface."""

    def __init__(self, bundle: Bundle):
        self.bundle = arguments.instance("bundle", bundle, Bundle, "t2f_jax.load opens a model folder")
        self._engine: engine.Engine | None = None
        self._preparing = threading.Lock()
        self.run_config, self.name, self.provenance = bundle.run_config, bundle.name, bundle.provenance
        self.image_tokenizer, self.tokenizer = bundle.image_tokenizer, bundle.tokenizer
        self.preprocess = bundle.preprocess
        self.schema, self.vocab, self.params = bundle.schema, bundle.vocab, bundle.params
        structure = bundle.run_config.model
        if structure.attention != "xla":  # the kernel of the training may be missing here, or unable to take these rows
            structure = dataclasses.replace(structure, attention="auto")
        self.decoder = Decoder(structure, self.vocab.size)

    def __reduce__(self) -> tuple:
        """Pickles and copies by parts; what is compiled for this machine is made again."""
        return type(self), (self.bundle,)

    @property
    def image_size(self) -> int:
        """Side of the images it takes and makes, in pixels."""
        return self.image_tokenizer.config.resolution

    @property
    def sampler(self) -> Sampler:
        """This model's default sampler for faces: as in its evaluation, if its provenance records that."""
        return default_sampler(self.provenance)

    @property
    def engine(self) -> engine.Engine:
        """The decoder as `decoding` and `scoring` run it; made once, also with several threads."""
        with self._preparing:
            if self._engine is None:
                self._engine = computes(engine.prepare)(self.decoder, self.params, self.vocab)
            return self._engine

    @property
    def hash(self) -> str:
        """Hash of all weights, for provenance; the one in its folder, if there is one."""
        return self.bundle.hash

    def attribute(self, name: str) -> Attribute:
        """The attribute of that name. Raises WrongArgument, naming the nearest right one."""
        return find_attribute(name, self.schema)

    # ----- words and pixels -----

    @property
    def text_length(self) -> int:
        """Maximum number of ids of a prompt, including its frame: as many as training had room for before an image."""
        return self.bundle.text_length

    def fits_prompt(self, text: str) -> bool:
        """Whether the model reads all of a prompt, not only its first `text_length` ids."""
        text = arguments.text("text", text)
        return len(sequence.text_prefix(self.vocab, self.tokenizer, text, None)) <= self.text_length

    def has_unknown_tokens(self, text: str) -> bool:
        """Whether a prompt has characters that the model has no id for, such as another language's."""
        return self.vocab.unk in sequence.text_prefix(self.vocab, self.tokenizer, arguments.text("text", text), None)

    def unknown_words(self, text: str) -> list[str]:
        """The words of a prompt, separated by blanks, with characters that the model has no id for."""
        return [word for word in arguments.text("text", text).split() if self.has_unknown_tokens(word)]

    def images(
        self, pictures: Picture | Iterable[Picture], landmarks: Sequence[np.ndarray | None] | None = None
    ) -> np.ndarray:
        """Paths, PIL images or arrays -> uint8 [N, S, S, 3], cropped or aligned and resized as in training.

        Faces that a model generated (by their metadata) are not cropped. A model that was trained on aligned faces
        also accepts the result of this method as pictures, and does not change them.

        Args:
          landmarks: of each picture float [5, 2] (see `io.framing`), None if they are not known: such a picture is
            cropped. Only a model that was trained on aligned faces uses them.

        Raises:
          CorruptImage, WrongArgument: as `io.images.load_images`.
        """
        how = self.preprocess
        return load_images(pictures, self.image_size, Framing(how.crop, how.resize, how.filter), landmarks)

    @computes
    def encode(self, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """uint8 [N, S, S, 3] (see `images`) -> image codes int32 [N, n]. Raises WrongArgument for any other array."""
        images = self.image_tokenizer.checked_images(images)
        return call_in_batches(self.image_tokenizer.encode, images, arguments.batch_size(batch_size))

    @computes
    def decode(self, codes: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """Image codes int32 [N, n] -> uint8 [N, S, S, 3]. Raises WrongArgument for anything else."""
        codes = self.image_tokenizer.checked_codes(codes)
        return call_in_batches(self.image_tokenizer.decode, codes, arguments.batch_size(batch_size))

    def checked_prompts(self, prompts: Any) -> list[Prompt]:
        """Converts texts to prompts; prompts stay the same. Raises WrongArgument for anything else."""
        rows = arguments.items("prompts", prompts, "a list of Prompt or str")
        return [
            Prompt(p)
            if isinstance(p, str)
            else arguments.instance(f"prompts[{i}]", p, Prompt, "Model.prompt makes one")
            for i, p in enumerate(rows)
        ]

    # ----- words -> codes -----

    def requests(
        self,
        prompts: Sequence[Prompt | str],
        seeds: Sequence[int],
        sampler: Sampler | None = None,
        imposed: Sequence[np.ndarray] | np.ndarray | None = None,
    ) -> list[decoding.Request]:
        """The rows that `decoding.generate` samples for faces: every prompt's clauses as variants of one row.

        Args:
          sampler: its `guidance` and `number_guidance` weight the clauses; no guidance if not given.
          imposed: for each face int32 [n], its fixed codes, -1 for sampled ones.

        Raises:
          WrongArgument: guidance or weighted clauses for a model that was not trained on empty prompts; different
            numbers of seeds and prompts, or imposed codes of another shape.
        """
        sampler = given_or(sampler, Sampler())
        guidance, repeated = sampler.guidance, sampler.number_guidance if sampler.guidance != 1 else 0.0
        asked = self.checked_prompts(prompts)
        numbers = arguments.seeds(seeds, len(asked))
        if imposed is not None:
            imposed = self.image_tokenizer.checked_codes(imposed, "imposed", -1)
            arguments.one_each("imposed rows of codes", imposed, len(asked))
        wordless = self._text_prefix("")
        span = grammar.image(self.vocab, self.image_tokenizer.config.tokens)
        requests = []
        for row, (prompt, seed) in enumerate(zip(asked, numbers)):
            clauses = repeat_numbers(prompt, repeated, self.schema).weighted(guidance)
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
            raise WrongArgument(
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

        The same seed, prompt and sampler give the same face, whatever else is generated with it. `imposed` as in
        `requests`; `batch_size`: largest number of faces generated at once. Raises WrongArgument as `requests` and
        `decoding.generate` do.
        """
        sampler, batch_size = given_or(sampler, self.sampler), arguments.batch_size(batch_size)
        requests = self.requests(prompts, seeds, sampler, imposed)
        rows = decoding.generate(self.engine, requests, sampler, batch_size)
        return self.vocab.codes(np.stack(rows)) if rows else self._blank_codes(0)

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
          UserError: the model has no positions for text after a face.
          WrongArgument: codes that this model does not have, a `length` below 1, different numbers of seeds and faces.
        """
        codes, length = self.image_tokenizer.checked_codes(codes), arguments.whole_number("length", length, 1)
        sampler, batch_size = given_or(sampler, Sampler(temperature=0.0)), arguments.batch_size(batch_size)
        numbers = [0] * len(codes) if seeds is None else arguments.seeds(seeds, len(codes))
        (blank,) = self._image_prefixes(self._blank_codes(1), templates.CAPTION_PROMPT)
        spare = self.decoder.config.max_length - self.decoder.config.image_position - len(blank)
        if spare < 1:
            raise UserError(
                f"the model's {self.decoder.config.max_length} positions leave no room for text after a face; train a"
                " model with a larger decoder.model.max_length"
            )
        if not len(codes):
            return []
        prefixes, span = (
            self._image_prefixes(codes, templates.CAPTION_PROMPT),
            grammar.text(self.vocab, min(length, spare)),
        )
        requests = [decoding.Request((p,), span, seed) for p, seed in zip(prefixes, numbers)]
        rows = decoding.generate(self.engine, requests, sampler, batch_size)
        return [templates.sentence_case(self.tokenizer.decode(row.tolist())) for row in rows]

    def _blank_codes(self, count: int) -> np.ndarray:
        """int32 [count, n]: codes of dummy faces; with `count` 0 only to check other arguments."""
        return np.zeros((count, self.image_tokenizer.config.tokens), np.int32)

    def _text_prefix(self, text: str) -> tuple[int, ...]:
        return sequence.text_prefix(self.vocab, self.tokenizer, text, self.text_length)

    def _image_prefixes(self, codes: np.ndarray, task: str) -> list[tuple[int, ...]]:
        return [sequence.image_prefix(self.vocab, self.tokenizer, task, row) for row in codes]
