"""What a user does with a model: make, finish, vary, describe, measure and score faces.

Pictures go in as paths, PIL images or uint8 arrays, one or many; out come PIL images and plain records.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from t2f_jax import __version__, bundle
from t2f_jax.environment import keep_programs
from t2f_jax.errors import UserError
from t2f_jax.inference import answers
from t2f_jax.inference.sampler import Sampler
from t2f_jax.inference.token_model import BATCH, Inference
from t2f_jax.io.images import MAKER, Picture
from t2f_jax.tokens import prompts
from t2f_jax.tokens.prompts import Prompt, Requests

_DRAWING = [f.name for f in dataclasses.fields(Sampler)]


class Model(Inference):
    """A loaded model: generates, finishes, varies, describes, measures and scores faces.

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
        *,
        avoid: Requests | None = None,
        keep: int | None = None,
        sampler: Sampler | None = None,
        batch_size: int = BATCH,
        progress: Callable[[int], Any] | None = None,
        **drawing: float,
    ) -> list[Image.Image]:
        """Faces for words.

        Args:
          text: a description; of several, each gets its n faces, in their order.
          attributes: what the faces should show besides, such as `{"gender": "female", "age": 34}`. `("yes", 2.0)`
            gives a value a weight of its own (see `prompts`); without one they weigh `guidance`, together.
          n: faces for each description.
          seed: of the first face, the others' follow; the same seed, words and options give the same face whatever
            is made beside it.
          avoid: what the faces should not show, such as `{"hat": "yes"}` or `{"hat": ("yes", 2.0)}`.
          keep: how many of a description's n faces are returned, those first that show best what was asked by
            log p(text, attributes | face), as the model itself reads its faces; all as they came if not given.
          sampler: how codes are drawn; the model's own (`Model.sampler`) if not given.
          batch_size: most faces drawn at once.
          progress: told how many faces more are drawn.
          drawing: changes to the sampler by name: temperature, final_temperature, top_k, top_p, min_p, guidance.

        Returns:
          RGB images of S x S pixels. Each one's `info` says what made it: "prompt", "seed", "options", "model" (hash),
          "Software" and, if `keep` was given, "score" (nats).

        Raises:
          UserError: nothing is asked for; an attribute, value or option that there is not; weights or guidance of a
            model trained without prompt dropout; `keep` above n, or with a text too long to be read behind a face; a
            seed below 0 or from 2^32 on.
        """
        texts = [text] if isinstance(text, str) else list(text)
        asked = [self.prompt(t, attributes, avoid) for t in texts]
        if not all(p.sentence or p.clauses for p in asked):
            raise UserError("nothing says what face to draw; give a text, attributes such as gender=male, or both")
        sampler = self._sampler(sampler, drawing)
        options = {"batch_size": batch_size, "progress": progress}
        return [face for p in asked for face in self._faces(p, n, seed, keep, sampler, None, {}, **options)]

    def complete(
        self,
        picture: Picture,
        share: float = 0.5,
        text: str = "",
        attributes: Requests | None = None,
        n: int = 1,
        seed: int = 0,
        *,
        avoid: Requests | None = None,
        keep: int | None = None,
        sampler: Sampler | None = None,
        **drawing: float,
    ) -> list[Image.Image]:
        """Keeps the upper `share` (above 0, below 1) of a face's rows of codes and draws the rest anew.

        Everything else as in `generate`; words may be left out.

        Raises:
          UserError: as `generate`; a share that keeps no row, or all.
        """
        codes = self._codes_of_one(picture)
        side = self.image_size // self.image_tokenizer.config.factor
        kept = round(share * side) if 0 < share < 1 else 0
        if not 0 < kept < side:
            raise UserError(f"share={share} of {side} rows of codes must keep a row and leave one to draw")
        given = np.where(np.arange(len(codes)) < kept * side, codes, -1)
        prompt = self.prompt(text, attributes, avoid)
        about = {"completed_share": share}
        return self._faces(prompt, n, seed, keep, self._sampler(sampler, drawing), lambda _: given, about)

    def vary(
        self,
        picture: Picture,
        share: float = 0.6,
        text: str = "",
        attributes: Requests | None = None,
        n: int = 1,
        seed: int = 0,
        *,
        avoid: Requests | None = None,
        keep: int | None = None,
        sampler: Sampler | None = None,
        **drawing: float,
    ) -> list[Image.Image]:
        """Keeps a `share` (above 0, below 1) of a face's codes, at places that the seed chooses, and draws the rest.

        Everything else as in `generate`; words may be left out.

        Raises:
          UserError: as `generate`; a share that keeps no code, or all.
        """
        codes = self._codes_of_one(picture)
        kept = round(share * len(codes)) if 0 < share < 1 else 0
        if not 0 < kept < len(codes):
            raise UserError(f"share={share} of {len(codes)} codes must keep one and leave one to draw")

        def given(seed: int) -> np.ndarray:
            places = np.random.default_rng(seed).permutation(len(codes))
            return np.where(places < kept, codes, -1)

        prompt = self.prompt(text, attributes, avoid)
        about = {"varied_share": share}
        return self._faces(prompt, n, seed, keep, self._sampler(sampler, drawing), given, about)

    def caption(self, pictures: Picture | Sequence[Picture], length: int = 64, **options: Any) -> list[str]:
        """A sentence or more (at most `length` ids) for each face, greedy; `options` as in `describe_codes`.

        Raises:
          UserError: an unreadable picture, or a model without room for words behind a face.
        """
        return self.describe_codes(self.encode(self.images(pictures)), length=length, **options)

    def analyze(
        self, pictures: Picture | Sequence[Picture], attributes: Sequence[str] | None = None, batch_size: int = BATCH
    ) -> list[dict[str, dict[str, Any]]]:
        """Age, gender and every other attribute, with exact probabilities.

        Args:
          attributes: what to ask, by name; all that the model knows if not given.

        Returns:
          For each face {name: record}: of a choice "value", "probability" and "probabilities" (by value, summing to
          1), of a number such as the age (years) "value" (the median), "median", "mode", "mean", "interval_90" and
          "probabilities".

        Raises:
          UserError: an unknown attribute (the nearest is named), an unreadable picture.
        """
        asked = [self.attribute(a) for a in attributes] if attributes else list(self.schema)
        codes = self.encode(self.images(pictures))
        found = self.probabilities(codes, asked, batch_size)
        return [{a.name: answers.record(a, probs[a.name]) for a in asked} for probs in found]

    def score(
        self,
        pictures: Picture | Sequence[Picture],
        text: str | Sequence[str] = "",
        attributes: Mapping[str, str | int] | None = None,
    ) -> list[dict[str, Any]]:
        """How well words and faces go together, as exact log-likelihoods in nats (natural logarithm; 0 is certain).

        Args:
          text: a caption for all faces, or one for each.
          attributes: values that all faces might have.

        Returns:
          For each face {"text": log p(text | face), "attributes": {name: log p(value | face)}, "total": their sum,
          "image": log p(the face's codes | words)}; "text" only if there is one.

        Raises:
          UserError: neither text nor attributes; an unknown attribute or value; an unreadable picture; as many texts as
            neither 1 nor the faces.
        """
        codes = self.encode(self.images(pictures))
        texts = [text] * len(codes) if isinstance(text, str) else list(text)
        if len(texts) != len(codes):
            raise UserError(f"{len(texts)} texts for {len(codes)} faces; give one text, or one for each face")
        asked = [self.prompt(t, attributes) for t in texts]
        if not all(p.sentence for p in asked):
            raise UserError("nothing to score; give a text, attributes such as gender=male, or both")
        images = self.image_scores(codes, [p.sentence for p in asked])
        told = self.prompt_scores(codes, asked)
        for one in told:
            del one["avoided"]
        return [{**one, "image": float(image)} for one, image in zip(told, images)]

    def prompt(self, text: str = "", attributes: Requests | None = None, avoid: Requests | None = None) -> Prompt:
        """What is asked for, checked against the model's attributes. Raises UserError as `prompts.make`."""
        return prompts.make(text, attributes, avoid, self.schema)

    def finished(
        self, codes: np.ndarray, asked: Sequence[Prompt], seeds: Sequence[int], sampler: Sampler, **about: Any
    ) -> list[Image.Image]:
        """Codes int32 [N, n] -> PIL images whose `info` says what made them; `about` goes to their "options"."""
        options = {**dataclasses.asdict(sampler), **about}
        faces = []
        for array, prompt, seed in zip(self.decode(codes), asked, seeds, strict=True):
            face = Image.fromarray(array)
            face.info = {"prompt": str(prompt), "seed": seed, "options": options, "model": self.hash}
            face.info["Software"] = f"{MAKER} {__version__}"
            faces.append(face)
        return faces

    def _sampler(self, sampler: Sampler | None, drawing: Mapping[str, float]) -> Sampler:
        unknown = sorted(drawing.keys() - set(_DRAWING))
        if unknown:
            raise UserError(f"unknown option '{unknown[0]}'; how faces are drawn is said by {', '.join(_DRAWING)}")
        return dataclasses.replace(sampler or self.sampler, **drawing)  # type: ignore[arg-type]

    def _codes_of_one(self, picture: Picture) -> np.ndarray:
        codes = self.encode(self.images(picture))
        if len(codes) != 1:
            raise UserError(f"one face at a time, got {len(codes)}")
        return codes[0]

    def _faces(
        self,
        prompt: Prompt,
        n: int,
        seed: int,
        keep: int | None,
        sampler: Sampler,
        given: Callable[[int], np.ndarray] | None,
        about: dict[str, Any],
        batch_size: int = BATCH,
        progress: Callable[[int], Any] | None = None,
    ) -> list[Image.Image]:
        """n faces, or the best `keep` of them; `given` says for a seed which codes are imposed."""
        if batch_size < 1:
            raise UserError(f"batch_size={batch_size} must be 1 or more")
        if n < 1 or (keep is not None and not 1 <= keep <= n):
            raise UserError(f"n={n} faces, keep={keep}: n must be 1 or more, keep from 1 to n")
        if not 0 <= seed <= 2**32 - n:
            raise UserError(f"a seed is a whole number from 0 to {2**32 - 1}, got {seed} to {seed + n - 1}")
        if keep is not None and not prompt.says_something:
            raise UserError("keep: without a text or attributes nothing says which faces are the best")
        if keep is not None and prompt.text.strip():
            self.check_caption(prompt.text)
        seeds, parts = [seed + i for i in range(n)], []
        for start in range(0, n, batch_size):
            part = seeds[start : start + batch_size]
            imposed = None if given is None else [given(s) for s in part]
            parts.append(self.generate_codes([prompt] * len(part), part, sampler, imposed, batch_size))
            if progress:
                progress(len(part))
        codes = np.concatenate(parts)
        if keep is None:
            return self.finished(codes, [prompt] * n, seeds, sampler, **about)
        scores = np.array([told["total"] for told in self.prompt_scores(codes, [prompt] * n)])
        best = np.argsort(-scores, kind="stable")[:keep]
        faces = self.finished(codes[best], [prompt] * keep, [seeds[i] for i in best], sampler, **about, best_of=n)
        for face, i in zip(faces, best):
            face.info["score"] = float(scores[i])
        return faces


def load(folder: str | pathlib.Path) -> Model:
    """Loads a model folder; compiled programs are kept on disk from here on. Raises UserError as `bundle.load` does."""
    keep_programs()
    return Model(bundle.load(folder))
