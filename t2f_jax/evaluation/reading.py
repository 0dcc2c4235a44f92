"""A model's codes, answers, captions and reconstructions of faces.

Axes: N faces, S image side, n codes per image, V values of an attribute.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.config.schema import ReadingConfig
from t2f_jax.evaluation import attributes, reconstruction
from t2f_jax.evaluation.agreement import judge_images
from t2f_jax.evaluation.chunks import Arrays, Chunks, Desk
from t2f_jax.evaluation.held_out import HeldOut
from t2f_jax.evaluation.instruments import NOTHING, Instruments
from t2f_jax.evaluation.interfaces import Judge, Model
from t2f_jax.evaluation.metrics.ssim import WINDOW, ssim
from t2f_jax.tokens.attributes import Attribute


def read_faces(
    model: Model,
    faces: HeldOut,
    desk: Desk,
    judge: Judge | None = None,
    instruments: Instruments = NOTHING,
    how: ReadingConfig | None = None,
) -> Chunks:
    """Gives the model every face, and its reconstruction.

    Args:
      how: how the model reads; its own settings if not given.

    Returns:
      "codes" int32 [N, n]; "answers" float64, the probabilities of the candidates of every attribute that some face has
      a label for, side by side (`split_answers`); "caption"; "answers_again" of the reconstruction; its "psnr" in
      decibels, "ssim" if images are large enough, "lpips" if there is one; with a judge "judged" and "judged_again"
      (`agreement.judgements`): its predictions for both.
    """
    asked = attributes.labelled(faces.schema, faces.fields)

    def work(examples: range) -> Arrays:
        images = np.asarray(faces.images[examples.start : examples.stop])
        codes = model.encode(images)
        again = np.asarray(model.decode(codes))
        found = {
            "codes": np.asarray(codes),
            "answers": _answers(model, images, asked, how, codes),
            "caption": np.array(model.describe(images, how, codes)),
            "psnr": reconstruction.psnr(images, again),
            "answers_again": _answers(model, again, asked, how, None),
        }
        if images.shape[1] >= WINDOW:
            found["ssim"] = ssim(images, again)
        if instruments.lpips is not None:
            found["lpips"] = instruments.lpips(images, again)
        if judge is not None:
            found |= {"judged": judge_images(judge, images), "judged_again": judge_images(judge, again)}
        return found

    key = {"data": faces.fingerprint, "asked": [a.to_json() for a in asked], "judge": judge and judge.hash}
    key |= instruments.key() | reading_protocol(how)
    return desk.run("faces", key, len(faces.fields), work, f"reading {faces.name}")


def _answers(
    model: Model,
    images: np.ndarray,
    asked: Sequence[Attribute],
    how: ReadingConfig | None,
    codes: np.ndarray | None,
) -> np.ndarray:
    if not asked:
        return np.zeros((len(images), 0))
    rows = [np.concatenate([face[a.name] for a in asked]) for face in model.answers(images, asked, how, codes)]
    return np.asarray(rows, np.float64)


def reading_protocol(how: ReadingConfig | None) -> dict[str, Any]:
    """{"reading": the settings that differ from the defaults}; {} if none differs."""
    plain = dataclasses.asdict(ReadingConfig())
    differing = {name: getattr(how, name) for name, value in plain.items() if how and getattr(how, name) != value}
    return {"reading": differing} if differing else {}


def split_answers(answers: np.ndarray, asked: Sequence[Attribute]) -> Mapping[str, np.ndarray]:
    """ "answers" or "answers_again" of `read_faces` by attribute: {name: [N, V]}."""
    ends = np.cumsum([len(a.candidates()) for a in asked])
    return dict(zip([a.name for a in asked], np.split(answers, ends[:-1], axis=1)))
