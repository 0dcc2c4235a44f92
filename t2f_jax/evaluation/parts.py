"""Work that is done -> the parts of a result: figures with intervals, and a row for each example."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.config.schema import Config
from t2f_jax.data.datasets.base import Source
from t2f_jax.evaluation import agreement, attributes, reading, rows
from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line
from t2f_jax.evaluation.held_out import HeldOut
from t2f_jax.evaluation.interfaces import Trial
from t2f_jax.evaluation.metrics import choices, facts, numbers, range_labels, wording
from t2f_jax.evaluation.metrics.extra import MissingPackage
from t2f_jax.evaluation.result import Part
from t2f_jax.evaluation.source_figures import Work
from t2f_jax.inference.answers import summarize_face
from t2f_jax.inference.model import Model
from t2f_jax.io.progress import say
from t2f_jax.tokens.attributes import Attribute, Fields

SHARE: dict[str, Any] = {"unit": "share", "better": "higher"}


def make(work: Work, model: Model, source: Source, config: Config, seed: int, out: pathlib.Path) -> list[Part]:
    """The parts of a source, whose rows are written into `out`; for the first process of a job."""
    faces = work.faces
    protocol = {
        "dataset": source.dataset.kind,
        "title": source.dataset.title,
        "split": faces.split,
        "partition": config.data.sources[source.name].partition,
        "available": len(faces.every),
        "n": len(faces.fields),
        "seed": seed,
        "data": faces.fingerprint,
        "image_size": config.data.image_size,
        "crop": config.data.crop,
    }
    parts = [_faces_part(work, protocol, out)]
    if work.trial is not None:
        parts.append(_requests_part(work, work.trial, model, {**protocol, "n": len(work.trial.requests)}, config, out))
    return parts


def _faces_part(work: Work, protocol: dict[str, Any], out: pathlib.Path) -> Part:
    faces = work.faces
    path = out / rows.FOLDER / f"{faces.name}-faces.jsonl"
    figures = face_figures(work)
    rows.write(path, _face_rows(work), figures)
    return Part(
        faces.name, "faces", len(faces.fields), tuple(figures), path, protocol, lambda i: faces.images[np.asarray(i)]
    )


def _face_rows(work: Work) -> Iterator[dict[str, Any]]:
    faces, i = work.faces, 0
    asked = attributes.labelled(faces.schema, faces.fields)
    for chunk in work.read:
        for k, caption in enumerate(chunk["caption"].tolist()):
            answers = {name: p[k] for name, p in reading.split_answers(chunk["answers"], asked).items()}
            yield {
                "id": faces.ids[i],
                "labels": dict(faces.fields[i]["attributes"]),
                "given": list(faces.fields[i].get("captions", [])),
                "answers": summarize_face(answers, asked),
                "caption": caption,
            }
            i += 1


def face_figures(work: Work) -> list[Figure]:
    """What the model reads of faces, writes of them and gives back."""
    faces = work.faces
    read = work.read.columns("answers", "caption", "psnr")
    asked = attributes.labelled(faces.schema, faces.fields)
    figures = _answer_figures(faces, dict(zip(asked, reading.split_answers(read["answers"], asked).values())))
    figures += caption_figures(read["caption"].tolist(), faces.fields)
    line = protocol_line("psnr", range=255, channels="rgb", quantised="uint8", cap=100, version=1)
    return [*figures, of_examples("reconstruction/psnr", read["psnr"], unit="dB", better="higher", protocol=line)]


def _answer_figures(faces: HeldOut, answers: Mapping[Attribute, np.ndarray]) -> list[Figure]:
    figures: list[Figure] = []
    every: list[choices.Answers] = []
    for attribute, p_NxV in answers.items():
        labels = [face["attributes"].get(attribute.name) for face in faces.fields]
        training = [f["attributes"][attribute.name] for f in faces.training_fields if attribute.name in f["attributes"]]
        given = (attribute, p_NxV, labels, training)
        if attribute.is_number:
            figures += numbers.number_figures(numbers.NumberAnswers.of(*given))
            figures += range_labels.range_figures(range_labels.RangeAnswers.of(*given))
        else:
            every.append(choices.Answers.of(*given))
    return choices.choice_figures(every) + figures


def caption_figures(texts: Sequence[str], fields: Sequence[Fields]) -> list[Figure]:
    """Captions beside the labels of their faces, and beside given captions where there are any."""
    figures = facts.fact_figures(texts, [face["attributes"] for face in fields])
    given = [face.get("captions", []) for face in fields]
    if not any(given):
        return figures
    try:
        return figures + wording.wording_figures(texts, given)
    except MissingPackage as error:
        say(f"no BLEU, ROUGE-L, CIDEr: {error}")
        return figures


def _requests_part(
    work: Work, trial: Trial, model: Model, protocol: dict[str, Any], config: Config, out: pathlib.Path
) -> Part:
    assert work.drawn is not None and work.trained is not None
    judged, codes = agreement.judgements(work.drawn.column("judged")), work.drawn.column("codes")
    protocol |= {
        "sampler": dataclasses.asdict(trial.sampler),
        "judge": {"steps": config.eval.judge_steps, "weights": work.trained.hash},
    }
    figures = request_figures(trial, judged)
    examples = (
        {"id": str(i), "text": text, "asked": asked, "labels": labels, "judged": seen, "seed": trial.seed + i}
        for i, (text, asked, labels, seen) in enumerate(
            zip(agreement.texts_of(trial), trial.requests, trial.labels, judged, strict=True)
        )
    )
    path = out / rows.FOLDER / f"{work.faces.name}-requests.jsonl"
    rows.write(path, examples, figures)
    name, n = work.faces.name, len(trial.requests)
    return Part(name, "requests", n, tuple(figures), path, protocol, lambda i: model.decode(codes[np.asarray(i)]))


def request_figures(trial: Trial, judged: Sequence[agreement.Request]) -> list[Figure]:
    """What the judge sees of what was requested."""
    names = [a.name for a in trial.schema if not a.is_number]
    pairs = list(zip(trial.requests, judged, strict=True))
    counts = np.array([[n in r and n in j for n in names] for r, j in pairs], float)
    hits = np.array([[n in r and n in j and r[n] == j[n] for n in names] for r, j in pairs], float)
    if not counts.any():
        return []
    line = protocol_line("seen", by="judge", over="pairs of request and attribute", version=1)
    both = np.stack([hits.sum(1), counts.sum(1)], axis=1)
    figures = [of_examples("requests/attributes_seen", both, **SHARE, protocol=line)]
    for a, name in enumerate(names):
        if counts[:, a].any():
            scored = np.where(counts[:, a] > 0, hits[:, a], np.nan)
            line = protocol_line("seen", by="judge", version=1)
            figures.append(of_examples(f"requests/{name}/seen", scored, **SHARE, protocol=line))
    return figures
