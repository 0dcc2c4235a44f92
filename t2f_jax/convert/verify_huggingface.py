"""Compares the outputs of a Hugging Face folder in PyTorch with those of its model here, part by part.

PyTorch runs in its own program (`torch_answers`), so that this one never imports it.
"""

import dataclasses
import json
import pathlib
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from t2f_jax.bundle import Bundle
from t2f_jax.convert.verify import CAPTION_LENGTH, Row, largest
from t2f_jax.errors import UserError
from t2f_jax.inference.model import Model
from t2f_jax.models.image_tokenizer import ImageTokenizer

PROGRAM = pathlib.Path(__file__).with_name("torch_answers.py")
TEXTS = ("a smiling woman with red hair", "an old man with glasses")
GREEDY = {"temperature": 0.0, "final_temperature": None}


@dataclasses.dataclass(frozen=True)
class Answers:
    """The outputs of one side; for an image tokenizer only the first two. S: pixels of a side, n: codes of an image."""

    codes: np.ndarray  # of two pictures, int [2, n]
    decoded: np.ndarray  # pictures of random codes, uint8 [2, S, S, 3]
    drawn: np.ndarray | None = None  # faces of `TEXTS` at temperature 0, uint8 [2, S, S, 3]
    captions: tuple[str, ...] = ()  # of the two pictures, greedy
    probabilities: np.ndarray | None = None  # of every answer about the two pictures, concatenated


def compare(model: Bundle | ImageTokenizer, folder: pathlib.Path) -> list[Row]:
    """The differences between a model and the Hugging Face folder `folder`, part by part.

    A picture's values may differ by 1 of 255, which is a rounding error.

    Raises:
      UserError: PyTorch is missing, or the folder has no such model.
    """
    images = model if isinstance(model, ImageTokenizer) else model.image_tokenizer
    codes = np.random.default_rng(0).integers(0, images.config.n_embed, (2, images.config.tokens))
    with jax.default_matmul_precision("highest"):
        pictures = np.asarray(images.decode(codes))
        ours = Answers(np.asarray(images.encode(pictures)), pictures)
        if isinstance(model, Bundle):
            ours = _with_words(ours, Model(model), pictures)
    question = {"codes": codes.tolist(), "pictures": pictures.tolist(), "greedy": GREEDY, "length": CAPTION_LENGTH}
    theirs = _ask(folder, {**question, "texts": TEXTS if isinstance(model, Bundle) else ()})
    rows = [
        Row("image codes", float((ours.codes != theirs.codes).mean()), "share of codes that differ"),
        Row("decoded images", _apart(ours.decoded, theirs.decoded), "share of values more than 1 of 255 apart"),
    ]
    if ours.drawn is None or theirs.drawn is None or ours.probabilities is None or theirs.probabilities is None:
        return rows
    wrong = sum(one != other for one, other in zip(ours.captions, theirs.captions, strict=True))
    return [
        *rows,
        Row("images at temperature 0", _apart(ours.drawn, theirs.drawn), "share of values more than 1 of 255 apart"),
        Row("captions of likeliest words", float(wrong), f"how many of {len(ours.captions)} differ"),
        Row("answers", largest(ours.probabilities, theirs.probabilities), "of probabilities"),
    ]


def _with_words(answers: Answers, model: Model, pictures: np.ndarray) -> Answers:
    """Adds the outputs of the whole model to the answers."""
    sampler = dataclasses.replace(model.sampler, **GREEDY)
    prompts = [model.prompt(text) for text in TEXTS]
    seen = model.images(pictures)
    found = [probs for face in model.answers(seen) for probs in face.values()]
    return dataclasses.replace(
        answers,
        drawn=model.decode(model.generate_codes(prompts, range(len(prompts)), sampler)),
        captions=tuple(model.describe_codes(model.encode(seen), length=CAPTION_LENGTH)),
        probabilities=np.concatenate(found or [np.zeros(0)]),
    )


def _ask(folder: pathlib.Path, question: Mapping[str, Any]) -> Answers:
    """PyTorch's answers. Raises UserError, with the last line that the program printed, if it fails."""
    program = [sys.executable, "-P", str(PROGRAM), str(folder)]
    done = subprocess.run(program, input=json.dumps(question), capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(f"{folder}: PyTorch does not compute it ({reason}); it needs pip install 't2f_jax[torch]'")
    told = json.loads(done.stdout)
    captions = tuple(told.pop("captions", ()))
    return Answers(captions=captions, **{name: np.array(value) for name, value in told.items()})


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    """Share of the values of two uint8 arrays that are more than 1 apart; 1 if their shapes differ."""
    return float((np.abs(a.astype(int) - b) > 1).mean()) if a.shape == b.shape else 1.0
