"""The user's interface to a model: generate, complete, vary, caption, analyze and score faces.

Inputs are one or many pictures, as paths, PIL images or uint8 arrays; outputs are PIL images and plain records.
"""

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Unpack

import numpy as np
from PIL import Image

from t2f_jax import __version__, arguments, bundle
from t2f_jax.environment import check_platform, check_process, keep_programs
from t2f_jax.errors import WrongArgument
from t2f_jax.inference.answers import ChoiceRecord, NumberRecord, make_record
from t2f_jax.inference.batching import split
from t2f_jax.inference.face_request import FaceOptions, FaceRequest, changed_sampler, kept_of
from t2f_jax.inference.likelihoods import Caption, Score
from t2f_jax.inference.reading import ReadingModel
from t2f_jax.inference.sampler import Sampler
from t2f_jax.inference.token_model import BATCH
from t2f_jax.io.images import MAKER, Picture
from t2f_jax.tokens import prompts
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.prompts import Prompt, Requests


class Model(ReadingModel):
    """A loaded model: generates, completes, varies, captions, analyzes and scores faces.

    It can be used in several threads, pickled, copied, and used in spawned processes. A wrong argument of any method
    raises `WrongArgument`, which is a ValueError.

    Example:
      >>> import t2f_jax
      >>> model = t2f_jax.load("runs/quickstart/model")
      >>> faces = model.generate("a smiling woman", {"age": 30}, n=4, seed=0)
      >>> len(faces), faces[0].mode, faces[1].info["seed"]
      (4, 'RGB', 1)
      >>> faces[0].save("face.png")
      >>> captions = model.caption(["face.png", faces[1]])
      >>> len(captions)
      2
      >>> answers = model.analyze("face.png", ["age", "gender"])[0]
      >>> sorted(answers["age"])
      ['interval_90', 'mean', 'median', 'mode', 'probabilities', 'value']
      >>> round(sum(answers["gender"]["probabilities"].values()), 6)
      1.0
      >>> best = model.generate("a smiling woman", n=8, keep=2)  # the two of eight that show it best
      >>> best[0].info["score"] >= best[1].info["score"]
      True
      >>> scores = model.score(faces, "a smiling woman", {"age": 30})
      >>> sorted(scores[0])
      ['attributes', 'image', 'text', 'total']
      >>> older = model.complete(faces[0], share=0.5, attributes={"age": 70})[0]
      >>> others = model.vary(faces[0], share=0.6, n=3)
    """

    def generate(
        self,
        text: str | Sequence[str] = "",
        attributes: Requests | None = None,
        n: int = 1,
        seed: int = 0,
        **options: Unpack[FaceOptions],
    ) -> list[Image.Image]:
        """Generates faces from text and attributes.

        Args:
          text: one description or several; for each, n faces are generated, in order.
          attributes: what the faces should also show, such as `{"gender": "female", "age": 34}`. `("yes", 2.0)` gives
            a value its own weight (see `prompts`); those without one have the weight `guidance` together.
          n: faces for each description.
          seed: of the first face; it increases by 1 from face to face. The same seed, text, attributes and options give
            the same face, whatever else is generated with it.
          options: see `FaceOptions`.

        Returns:
          RGB images of S x S pixels. The `info` of each records its origin: "prompt", "seed", "options", "model"
          (hash), "Software" and, if `keep` was given, "score" (nats).

        Raises:
          WrongArgument: neither text nor attributes; an unknown attribute, value or option; weights or guidance for a
            model trained without prompt dropout; `keep` above n, or with a text that is too long to follow a face or
            has characters that the model does not know; a seed below 0 or from 2^32 on.
        """
        requests = [self.face_request(t, attributes, n, seed, **options) for t in arguments.texts("text", text)]
        if not requests or not all(request.prompt.says_something for request in requests):
            raise WrongArgument("the prompt is empty; give a text, attributes such as gender=male, or both")
        return [face for request in requests for face in self._draw(request)]

    def complete(
        self,
        picture: Picture,
        share: float = 0.5,
        text: str = "",
        attributes: Requests | None = None,
        n: int = 1,
        seed: int = 0,
        **options: Unpack[FaceOptions],
    ) -> list[Image.Image]:
        """Keeps the upper `share` (above 0, below 1) of a face's rows of codes and generates the rest.

        Everything else is as in `generate`; text and attributes may be left out.

        Raises:
          WrongArgument: as `generate`; a share that keeps no row, or all; an unreadable picture.
        """
        grids = self.image_tokenizer.config.grids
        share, kept = kept_of(share, grids[0], "rows of codes")
        request = self.face_request(text, attributes, n, seed, **options)
        codes = self._codes_of_one(picture)
        # In finer grids, the rows at the same height as the kept rows of the coarsest are kept.
        rows = np.concatenate([np.repeat(np.arange(side) * grids[0] // side, side) for side in grids])
        upper = np.where(rows < kept, codes, -1)
        return self._draw(dataclasses.replace(request, imposed=lambda seed: upper, about={"completed_share": share}))

    def vary(
        self,
        picture: Picture,
        share: float = 0.6,
        text: str = "",
        attributes: Requests | None = None,
        n: int = 1,
        seed: int = 0,
        **options: Unpack[FaceOptions],
    ) -> list[Image.Image]:
        """Keeps a `share` (above 0, below 1) of a face's codes, at places chosen by the seed, and generates the rest.

        Everything else is as in `generate`; text and attributes may be left out.

        Raises:
          WrongArgument: as `generate`; a share that keeps no code, or all; an unreadable picture.
        """
        share, kept = kept_of(share, self.image_tokenizer.config.tokens, "codes")
        request = self.face_request(text, attributes, n, seed, **options)
        codes = self._codes_of_one(picture)

        def choose(seed: int) -> np.ndarray:
            places = np.random.default_rng(seed).permutation(len(codes))
            return np.where(places < kept, codes, -1)

        return self._draw(dataclasses.replace(request, imposed=choose, about={"varied_share": share}))

    def caption(
        self,
        pictures: Picture | Iterable[Picture],
        length: int = 64,
        seeds: Sequence[int] | None = None,
        sampler: Sampler | None = None,
        batch_size: int = BATCH,
    ) -> list[str]:
        """Writes one or more sentences (at most `length` ids) for each face.

        Unless seeds or a sampler are given, captions are made as in the model's evaluation: of the most likely words,
        or from its answers (see `describe`).

        Args:
          seeds: one for each face, for sampling; 0 for all if not given.
          sampler: how words are sampled.

        Raises:
          WrongArgument: an unreadable picture, a `length` below 1, a number of seeds other than that of faces.
          UserError: the model has no positions for text after a face.
        """
        self.describe_codes(self._blank_codes(0), None, sampler, length, batch_size)  # checks them
        images = self.images(pictures)
        if sampler is None and seeds is None:
            return self.describe(images, length=length, batch_size=batch_size)
        return self.describe_codes(self.encode(images), seeds, sampler, length, batch_size)

    def captions(
        self,
        pictures: Picture | Iterable[Picture],
        n: int,
        length: int = 64,
        seed: int = 0,
        sampler: Sampler | None = None,
        batch_size: int = BATCH,
    ) -> list[list[Caption]]:
        """Several captions of each face: n are sampled, and the distinct ones are returned, most likely first.

        Args:
          seed: of a face's first caption; it increases by 1 from caption to caption.
          sampler: how words are sampled; if not given `Sampler()`, the model's own distribution.

        Raises:
          WrongArgument, UserError: as `caption`; n below 1.
        """
        self.caption_codes(self._blank_codes(0), n, length, seed, sampler, batch_size)  # checks them
        return self.caption_codes(self.encode(self.images(pictures)), n, length, seed, sampler, batch_size)

    def analyze(
        self,
        pictures: Picture | Iterable[Picture],
        attributes: str | Sequence[str] | None = None,
        batch_size: int = BATCH,
    ) -> list[dict[str, ChoiceRecord | NumberRecord]]:
        """Predicts age, gender and every other attribute, with exact probabilities.

        Args:
          attributes: one name or several; all attributes of the model if not given.

        Returns:
          For each face {name: record}: for a choice "value", "probability" and "probabilities" (by value, summing to
          1), for a number such as the age (years) "value" (the median), "median", "mode", "mean", "interval_90" and
          "probabilities".

        Raises:
          WrongArgument: an unknown attribute (the message names the nearest), an unreadable picture.
        """
        self.analyze_codes(self._blank_codes(0), attributes, batch_size)  # checks them
        return self.analyze_images(self.images(pictures), attributes, batch_size)

    def analyze_images(
        self, images: np.ndarray, attributes: str | Sequence[str] | None = None, batch_size: int = BATCH
    ) -> list[dict[str, ChoiceRecord | NumberRecord]]:
        """As `analyze`, for uint8 [N, S, S, 3] (see `images`)."""
        chosen = self.asked(attributes)
        return _records(chosen, self.answers(images, chosen, batch_size=batch_size))

    def analyze_codes(
        self, codes: np.ndarray, attributes: str | Sequence[str] | None = None, batch_size: int = BATCH
    ) -> list[dict[str, ChoiceRecord | NumberRecord]]:
        """As `analyze`, for image codes int32 [N, n], one view of each face."""
        chosen = self.asked(attributes)
        return _records(chosen, self.probabilities(codes, chosen, batch_size))

    def score(
        self,
        pictures: Picture | Iterable[Picture],
        text: str | Sequence[str] = "",
        attributes: Mapping[str, str | int] | None = None,
    ) -> list[Score]:
        """Scores how well text and attributes match faces, by exact log-likelihoods in nats (natural logarithm).

        Args:
          text: a caption for all faces, or one for each.
          attributes: values to score for all faces.

        Returns:
          For each face {"text": log p(text | face), "attributes": {name: log p(value | face)}, "total": their sum,
          "image": log p(the face's codes | text and attributes)}; 0 is certain. "text" only if there is one, -inf if
          it has characters that the model does not know.

        Raises:
          WrongArgument: neither text nor attributes; an unknown attribute or value; a number of texts that is neither 1
            nor that of faces; an unreadable picture.
        """
        prompts = [self.prompt(t, attributes) for t in arguments.texts("text", text)]
        if not all(p.sentence for p in prompts):
            raise WrongArgument("nothing to score; give a text, attributes such as gender=male, or both")
        codes = self.encode(self.images(pictures))
        if isinstance(text, str):
            prompts *= len(codes)
        arguments.one_each("texts", prompts, len(codes))
        return self.score_codes(codes, prompts)

    def prompt(self, text: str = "", attributes: Requests | None = None, avoid: Requests | None = None) -> Prompt:
        """Makes a prompt, checked against the model's attributes. Raises WrongArgument as `prompts.make` does."""
        return prompts.make(text, attributes, avoid, self.schema)

    def make_images(
        self, codes: np.ndarray, prompts: Sequence[Prompt], seeds: Sequence[int], sampler: Sampler, **about: float
    ) -> list[Image.Image]:
        """Codes int32 [N, n] -> PIL images with their origin in `info`; `about` is added to their "options"."""
        options = {**arguments.instance("sampler", sampler, Sampler).to_dict(), **about}
        pixels, asked = self.decode(codes), self.checked_prompts(prompts)
        arguments.one_each("prompts", asked, len(pixels))
        faces = []
        for array, prompt, seed in zip(pixels, asked, arguments.seeds(seeds, len(pixels))):
            face = Image.fromarray(array)
            made = {"prompt": str(prompt), "seed": seed, "options": options, "model": self.hash}
            face.info = {**made, "Software": f"{MAKER} {__version__}"}
            faces.append(face)
        return faces

    def _codes_of_one(self, picture: Picture) -> np.ndarray:
        codes = self.encode(self.images(picture))
        if len(codes) != 1:
            raise WrongArgument(f"picture: one face at a time, got {len(codes)}")
        return codes[0]

    def face_request(
        self,
        text: str,
        attributes: Requests | None,
        n: int,
        seed: int,
        *,
        avoid: Requests | None = None,
        keep: int | None = None,
        sampler: Sampler | None = None,
        batch_size: int = BATCH,
        progress: Callable[[int], object] | None = None,
        **changes: Any,
    ) -> FaceRequest:
        """Checks the arguments of `generate` and makes a request of them; `changes` are fields of the sampler."""
        prompt, sampler = self.prompt(text, attributes, avoid), changed_sampler(sampler, self.sampler, changes)
        request = FaceRequest(prompt, n, seed, sampler, keep, batch_size=batch_size, progress=progress)
        self.requests([prompt], [request.seed], sampler)  # checks guidance and weights
        if keep is not None and prompt.text.strip():
            self.check_caption(prompt.text)
        return request

    def _draw(self, asked: FaceRequest) -> list[Image.Image]:
        parts = []
        for seeds in split(asked.seeds, asked.batch_size):
            imposed = None if asked.imposed is None else [asked.imposed(seed) for seed in seeds]
            parts.append(
                self.generate_codes([asked.prompt] * len(seeds), seeds, asked.sampler, imposed, asked.batch_size)
            )
            if asked.progress:
                asked.progress(len(seeds))
        return self.faces_of(asked, np.concatenate(parts))

    def faces_of(self, request: FaceRequest, codes: np.ndarray) -> list[Image.Image]:
        """A request's n faces from their sampled codes int32 [n, codes of an image], or the best `keep` of them.

        The best have the largest log p(text | face), plus log p(value | face) of every attribute that the request or
        its text states (`prompts.with_facts`), plus log (1 - p) of every value to avoid.
        """
        arguments.instance("request", request, FaceRequest)
        codes = self.image_tokenizer.checked_codes(codes)
        prompt, sampler, n, keep = request.prompt, request.sampler, request.n, request.keep
        if keep is None:
            return self.make_images(codes, [prompt] * n, request.seeds, sampler, **request.about)
        asked = prompts.with_facts(prompt, self.schema)
        scores = np.array([face["total"] for face in self.prompt_scores(codes, [asked] * n)])
        best = np.argsort(-scores, kind="stable")[:keep]
        seeds = [request.seeds[i] for i in best]
        faces = self.make_images(codes[best], [prompt] * keep, seeds, sampler, **request.about, best_of=n)
        for face, i in zip(faces, best):
            face.info["score"] = float(scores[i])
        return faces


def _records(
    attributes: Sequence[Attribute], faces: Sequence[Mapping[str, np.ndarray]]
) -> list[dict[str, ChoiceRecord | NumberRecord]]:
    return [{a.name: make_record(a, face[a.name]) for a in attributes} for face in faces]


def load(folder: str | os.PathLike) -> Model:
    """Loads a model folder, and switches on the cache of compiled programs on disk. `~` is the home folder.

    Raises:
      WrongArgument: not a path, or no folder there.
      UserError: as `bundle.load`, or JAX_PLATFORMS names a device that does not exist here.
    """
    place = arguments.path("folder", folder)
    check_process()
    keep_programs()
    check_platform()
    return Model(bundle.load(place))
