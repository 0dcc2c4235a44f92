"""Figures of a model's answers, captions and reconstructions of faces. Axes: N faces, V values of an attribute."""

from collections.abc import Mapping, Sequence

import numpy as np

from t2f_jax.evaluation import agreement, attributes, ceiling, reading
from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line
from t2f_jax.evaluation.held_out import HeldOut
from t2f_jax.evaluation.image_figures import set_figures
from t2f_jax.evaluation.metrics import choices, facts, numbers, range_labels, ssim, wording
from t2f_jax.evaluation.metrics.extra import MissingPackage
from t2f_jax.evaluation.metrics.meteor_tables import Tables
from t2f_jax.evaluation.source_figures import Work
from t2f_jax.io.progress import say
from t2f_jax.tokens.attributes import Attribute, Fields


def face_figures(work: Work) -> list[Figure]:
    """Figures of the model's answers, captions and reconstructions."""
    faces = work.faces
    read = work.read.columns("answers", "psnr")
    asked = attributes.labelled(faces.schema, faces.fields)
    figures = _answer_figures(faces, dict(zip(asked, reading.split_answers(read.pop("answers"), asked).values())))
    figures += caption_figures(work.read.texts("caption"), faces.fields, work.instruments.meteor)
    line = protocol_line("psnr", range=255, channels="rgb", quantised="uint8", cap=100, version=1)
    figures.append(of_examples("reconstruction/psnr", read["psnr"], unit="dB", better="higher", protocol=line))
    figures += _pair_figures(work)
    if work.looked.reconstructions:
        figures += set_figures("reconstruction", work.instruments, work.looked.faces, [work.looked.reconstructions])
    return [*figures, *_ceilings(work, asked)]


def _pair_figures(work: Work) -> list[Figure]:
    """SSIM and LPIPS of reconstructions, if they were measured."""
    figures, lpips = [], work.instruments.lpips
    if "ssim" in work.read.names():
        values = work.read.column("ssim")
        figures.append(of_examples("reconstruction/ssim", values, unit="", better="higher", protocol=ssim.PROTOCOL))
    if lpips is not None:
        values = work.read.column("lpips")
        figures.append(of_examples("reconstruction/lpips", values, unit="", better="lower", protocol=lpips.protocol))
    return figures


def _answer_figures(faces: HeldOut, answers: Mapping[Attribute, np.ndarray]) -> list[Figure]:
    figures: list[Figure] = []
    every: list[choices.Answers] = []
    for attribute, p_NxV in answers.items():
        labels = [face["attributes"].get(attribute.name) for face in faces.fields]
        given = (attribute, p_NxV, labels, faces.training[attribute.name])
        if attribute.is_number:
            figures += numbers.number_figures(numbers.NumberAnswers.of(*given))
            figures += range_labels.range_figures(range_labels.RangeAnswers.of(*given))
        else:
            every.append(choices.Answers.of(*given))
    return choices.choice_figures(every) + figures


def caption_figures(texts: Sequence[str], fields: Sequence[Fields], meteor: Tables | None = None) -> list[Figure]:
    """Captions compared with the labels of their faces, and with reference captions if there are any."""
    figures = facts.fact_figures(texts, [face["attributes"] for face in fields])
    given = [face.get("captions", []) for face in fields]
    if not any(given):
        return figures
    try:
        return figures + wording.wording_figures(texts, given, meteor=meteor)
    except MissingPackage as error:
        say(f"no BLEU, ROUGE-L, CIDEr: {error}")
        return figures


def _ceilings(work: Work, asked: Sequence[Attribute]) -> list[Figure]:
    labels = [face["attributes"] for face in work.faces.fields]
    figures = []
    if asked:
        pair = work.read.columns("answers", "answers_again").values()
        seen, again = (ceiling.likeliest(reading.split_answers(answers, asked), asked) for answers in pair)
        figures += ceiling.ceiling_figures("model", seen, again, labels, asked)
    if work.trained is not None:
        texts = (work.read.texts(name) for name in ("judged", "judged_again"))
        seen, again = (ceiling.judged(agreement.judgements(column)) for column in texts)
        figures += ceiling.ceiling_figures("judge", seen, again, labels, work.faces.schema)
    return figures
