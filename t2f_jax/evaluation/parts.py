"""Work that is done -> the parts of a result: figures with intervals, and a row for each example."""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from t2f_jax.config.schema import Config
from t2f_jax.data.datasets.base import Source
from t2f_jax.evaluation import agreement, attributes, reading, rows
from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line
from t2f_jax.evaluation.held_out import HeldOut
from t2f_jax.evaluation.interfaces import Trial
from t2f_jax.evaluation.result import Part
from t2f_jax.evaluation.source_figures import Work
from t2f_jax.inference.answers import quantile, summarize_face
from t2f_jax.inference.model import Model
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.facts import compare

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
    figures, hits = [], []
    for attribute, p_NxV in zip(asked, reading.split_answers(read["answers"], asked).values()):
        labels = [face["attributes"].get(attribute.name) for face in faces.fields]
        if attribute.is_number:
            figures += _number_figures(attribute, p_NxV, labels)
        else:
            answers = p_NxV.argmax(1)
            hits.append([np.nan if v is None else float(attribute.values[a] == v) for a, v in zip(answers, labels)])
            figures += _choice_figures(attribute, np.array(hits[-1]), labels)
    if hits:
        hits_NxA = np.array(hits).T
        both = np.concatenate([np.nan_to_num(hits_NxA), ~np.isnan(hits_NxA)], axis=1)
        line = protocol_line("accuracy", of="likeliest", mean="attributes", version=1)
        figures.insert(0, of_examples("attributes/accuracy", both, **SHARE, protocol=line))
    figures += _caption_figures(read["caption"].tolist(), faces)
    line = protocol_line("psnr", range=255, channels="rgb", quantised="uint8", cap=100, version=1)
    return [*figures, of_examples("reconstruction/psnr", read["psnr"], unit="dB", better="higher", protocol=line)]


def _choice_figures(attribute: Attribute, hits_N: np.ndarray, labels: Sequence[str | int | None]) -> list[Figure]:
    name = f"attributes/{attribute.name}"
    of_value = np.array([[v == value for value in attribute.values] for v in labels], float)
    balanced = np.concatenate([of_value * np.nan_to_num(hits_N)[:, None], of_value], axis=1)
    line = protocol_line("accuracy", of="likeliest", version=1)
    mean_recall = protocol_line("balanced accuracy", of="likeliest", mean="recall of values that occur", version=1)
    return [
        of_examples(f"{name}/accuracy", hits_N, **SHARE, protocol=line),
        of_examples(f"{name}/balanced_accuracy", balanced, **SHARE, protocol=mean_recall),
    ]


def _number_figures(attribute: Attribute, p_NxV: np.ndarray, labels: Sequence[str | int | None]) -> list[Figure]:
    exact = [v is not None and len(attribute.numbers(v)) == 1 for v in labels]
    if not any(exact):
        return []
    truth = np.array([float(v) if ok and v is not None else np.nan for v, ok in zip(labels, exact)])
    error = np.abs(quantile(p_NxV, 0.5) + attribute.low - truth)
    name, unit = f"attributes/{attribute.name}", "years" if attribute.name == "age" else ""
    within = np.where(np.isnan(error), np.nan, error <= 5)
    mae = protocol_line("mae", of="median", version=1)
    cs = protocol_line("cs", k=5, of="median", version=1)
    return [
        of_examples(f"{name}/mae", error, unit=unit, better="lower", protocol=mae),
        of_examples(f"{name}/cs5", within, **SHARE, protocol=cs),
    ]


def _caption_figures(texts: Sequence[str], faces: HeldOut) -> list[Figure]:
    compared = [compare(text, face["attributes"]) for text, face in zip(texts, faces.fields, strict=True)]
    precision = np.array([[c.right, c.right + c.wrong] for c in compared], float)
    recall = np.array([[c.positive, c.positive + c.missing] for c in compared], float)
    repeats = np.array([c.repeats for c in compared], float)
    figures = []
    for name, counts in (("precision", precision), ("recall", recall)):
        if counts[:, 1].any():
            line = protocol_line(f"fact {name}", facts="t2f_jax.tokens.facts", over="all faces", version=1)
            figures.append(of_examples(f"captions/fact_{name}", counts, **SHARE, protocol=line))
    line = protocol_line("repeats", facts="t2f_jax.tokens.facts", version=1)
    return [*figures, of_examples("captions/repeats", repeats, unit="share", better="lower", protocol=line)]


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
