"""What a model makes of faces that it is shown: their codes, its answers and captions, and the faces it gives back.

Axes: N faces, S image side, n codes per image, V values of an attribute.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from t2f_jax.evaluation import attributes, reconstruction
from t2f_jax.evaluation.chunks import Arrays, Chunks, Desk
from t2f_jax.evaluation.held_out import HeldOut
from t2f_jax.evaluation.interfaces import Model
from t2f_jax.tokens.attributes import Attribute


def read_faces(model: Model, faces: HeldOut, desk: Desk) -> Chunks:
    """Shows the model every face once.

    Returns:
      "codes" int32 [N, n]; "answers" float64, the probabilities of the candidates of every attribute that some face has
      a label of, side by side (`split_answers`); "caption"; "psnr" of what the codes give back, decibels.
    """
    asked = attributes.labelled(faces.schema, faces.fields)

    def work(examples: range) -> Arrays:
        images = np.asarray(faces.images[examples.start : examples.stop])
        codes = model.encode(images)
        answers = (
            [np.concatenate([face[a.name] for a in asked]) for face in model.probabilities(codes, asked)]
            if asked
            else np.zeros((len(images), 0))
        )
        return {
            "codes": np.asarray(codes),
            "answers": np.asarray(answers, np.float64),
            "caption": np.array(model.describe_codes(codes)),
            "psnr": reconstruction.psnr(images, np.asarray(model.decode(codes))),
        }

    key = {"data": faces.fingerprint, "asked": [a.to_json() for a in asked]}
    return desk.run("faces", key, len(faces.fields), work, f"reading {faces.name}")


def split_answers(answers: np.ndarray, asked: Sequence[Attribute]) -> Mapping[str, np.ndarray]:
    """ "answers" of `read_faces` by attribute: {name: [N, V]}."""
    ends = np.cumsum([len(a.candidates()) for a in asked])
    return dict(zip([a.name for a in asked], np.split(answers, ends[:-1], axis=1)))
