"""Makes the parts of a result from finished work: figures with intervals, and a row for each example."""

import functools
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from t2f_jax.config.schema import Config
from t2f_jax.data.datasets.base import SPLITS, Source, Split
from t2f_jax.evaluation import agreement, attributes, reading, rows
from t2f_jax.evaluation.cards.protocol import fingerprint
from t2f_jax.evaluation.chunks import Chunks
from t2f_jax.evaluation.drawn_figures import drawn_figures
from t2f_jax.evaluation.face_figures import face_figures
from t2f_jax.evaluation.figure import with_intervals
from t2f_jax.evaluation.held_out import HeldOut
from t2f_jax.evaluation.image_figures import caption_figures, drawn_image_figures
from t2f_jax.evaluation.interfaces import Request
from t2f_jax.evaluation.result import Part
from t2f_jax.evaluation.source_figures import Work
from t2f_jax.inference.answers import summarize_face
from t2f_jax.inference.model import Model
from t2f_jax.inference.sampler import Sampler


def make(work: Work, model: Model, source: Source, config: Config, seed: int, out: pathlib.Path) -> list[Part]:
    """The parts of a source; writes their rows into `out`. For the first process of a job."""
    faces = work.faces
    protocol: dict[str, Any] = {
        "dataset": source.dataset.kind,
        "dataset_fingerprint": fingerprint(source),
        "title": source.dataset.title,
        "split": faces.split,
        "partition": config.data.sources[source.name].partition,
        "available": len(faces.every),
        "n": len(faces.fields),
        "seed": seed,
        "data": fingerprint(source, _indices(source, faces)),
        "image_size": config.data.image_size,
        "crop": config.data.crop,
        "resize": config.data.resize,
        "filter": config.data.filter,
    }
    parts = [_faces_part(work, protocol | reading.reading_protocol(config.eval), out)]
    protocol["sampler"] = Sampler.of(config.eval).to_dict()
    if work.trained is not None:
        protocol["judge"] = {"steps": config.eval.judge_steps, "weights": work.trained.hash}
    if work.drawn is not None:
        parts.append(_drawn_part(work, "requests", model, protocol, out))
    if work.described_drawn is not None:
        parts.append(_drawn_part(work, "texts", model, protocol, out))
    return parts


def _indices(source: Source, faces: HeldOut) -> list[int]:
    """The indices of the chosen faces in the source."""
    splits: list[Split] = [split for split in SPLITS if faces.split in (split, "all")]
    places = {source.id(i): i for split in splits for i in source.split(split)}
    return [places[name] for name in faces.ids]


def _faces_part(work: Work, protocol: dict[str, Any], out: pathlib.Path) -> Part:
    faces = work.faces
    path = out / rows.FOLDER / f"{faces.name}-faces.jsonl"
    figures = with_intervals(face_figures(work))
    rows.write(path, _face_rows(work), figures)
    return Part(
        faces.name, "faces", len(faces.fields), tuple(figures), path, protocol, lambda i: faces.images[np.asarray(i)]
    )


def _face_rows(work: Work) -> Iterator[dict[str, Any]]:
    faces, i = work.faces, 0
    asked = attributes.labelled(faces.schema, faces.fields)
    for chunk in work.read:
        for k, caption in enumerate(chunk["caption"].tolist()):
            read, again = (
                summarize_face({name: p[k] for name, p in reading.split_answers(chunk[column], asked).items()}, asked)
                for column in ("answers", "answers_again")
            )
            seen = {name: json.loads(chunk[name][k]) for name in ("judged", "judged_again") if name in chunk}
            yield {
                "id": faces.ids[i],
                "labels": dict(faces.fields[i]["attributes"]),
                "given": list(faces.fields[i].get("captions", [])),
                "answers": read,
                "caption": caption,
                "answers_again": again,
                **seen,
            }
            i += 1


def _drawn_part(
    work: Work, which: Literal["requests", "texts"], model: Model, protocol: Mapping[str, Any], out: pathlib.Path
) -> Part:
    """A part of generated faces; `protocol` is that of all generated faces."""
    trial, drawn = (work.trial, work.drawn) if which == "requests" else (work.described, work.described_drawn)
    assert trial is not None and drawn is not None
    codes, texts = drawn.column("codes"), [prompt.sentence for prompt in agreement.prompts_of(trial)]
    examples = (
        {
            "id": str(i),
            "text": text,
            "asked": dict(trial.requests[i]) if trial.requests else {},
            "labels": dict(trial.labels[i]),
            "judged": judged,
            "seed": trial.seed + i,
        }
        for i, (text, judged) in enumerate(zip(texts, _judged(drawn), strict=True))
    )
    held_out = work.read.column("codes")
    figures = drawn_figures(trial, _judged(drawn))
    figures += drawn_image_figures(which, model, work.instruments, work.looked, codes, held_out)
    if which == "texts" and work.looked.drawn.get(which):
        figures += caption_figures(texts, work.instruments, work.looked.drawn[which][0], trial.seed)
    figures = with_intervals(figures)
    path = out / rows.FOLDER / f"{work.faces.name}-{which}.jsonl"
    rows.write(path, examples, figures)
    images = functools.partial(_decoded, model, codes)
    return Part(work.faces.name, which, len(texts), tuple(figures), path, {**protocol, "n": len(texts)}, images)


def _judged(drawn: Chunks) -> Iterator[Request]:
    """What the judge predicts for generated faces, one after the other."""
    return agreement.judgements(text for chunk in drawn for text in chunk["judged"].tolist())


def _decoded(model: Model, codes: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
    return model.decode(codes[np.asarray(chosen)])
