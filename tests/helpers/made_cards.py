"""Evaluations with synthetic figures and rows, for cards without a model."""

import numpy as np
from sample_report import content

from t2f_jax.evaluation import figure, rows
from t2f_jax.evaluation.publish import publish
from t2f_jax.evaluation.resources import Usage
from t2f_jax.evaluation.result import Evaluation, Part

N = 40
PROTOCOL = {
    "dataset": "synthetic",
    "title": "Drawn faces",
    "split": "test",
    "n": N,
    "data": "0123456789abcdef",
    "pixels": {"image_size": 32, "filter": "bicubic"},
}
SHARE = {"unit": "share", "better": "higher"}


def images(chosen):
    return np.full((len(chosen), 8, 8, 3), 99, np.uint8)


def faces_part(out, worse=0.0, protocol=PROTOCOL, line="mae|of:median|version:1"):
    """Faces read by a model whose error on every face is larger by `worse` years, with the same seed."""
    rng = np.random.default_rng(0)
    ages, errors = rng.integers(1, 90, N), rng.integers(0, 9, N) + worse
    genders, right = rng.choice(["female", "male"], N), rng.random(N) < 0.8
    given = [
        figure.of_examples("attributes/accuracy", right.astype(float), **SHARE, protocol="accuracy|version:1"),
        figure.of_examples("attributes/age/mae", errors.astype(float), unit="years", better="lower", protocol=line),
        figure.of_examples("attributes/gender/accuracy", right.astype(float), **SHARE, protocol="accuracy|version:1"),
        figure.Figure("images/fid", 12.5 + worse, N, "", "lower", "fid|net:inception|n:40"),
    ]
    flip = {"female": "male", "male": "female"}
    examples = [
        {
            "id": f"face{i}",
            "labels": {"age": int(ages[i]), "gender": str(genders[i])},
            "given": [],
            "answers": {
                "age": {"value": int(ages[i] + errors[i]), "low": int(ages[i]), "high": int(ages[i] + 20)},
                "gender": {"value": str(genders[i]) if right[i] else flip[str(genders[i])], "probability": 0.9},
            },
            "caption": "A face.",
        }
        for i in range(N)
    ]
    path = out / rows.FOLDER / "drawn-faces.jsonl"
    given = figure.with_intervals(given)
    rows.write(path, examples, given)
    return Part("synthetic", "faces", N, tuple(given), path, protocol, images)


def requests_part(out, guidance=2.0):
    """Three faces generated for requests; the judge misses one attribute."""
    seen = figure.of_examples("requests/seen", np.array([1.0, 0.0, 1.0]), **SHARE, protocol="seen|by:judge")
    examples = [
        {
            "id": str(i),
            "text": f"prompt {i}",
            "asked": {"hat": "yes"},
            "labels": {"hat": "yes"},
            "judged": {"hat": "no" if i == 1 else "yes"},
            "seed": i,
        }
        for i in range(3)
    ]
    path = out / rows.FOLDER / "drawn-requests.jsonl"
    rows.write(path, examples, [seen])
    protocol = {**PROTOCOL, "n": 3, "sampler": {"guidance": guidance, "top_p": 0.95}}
    return Part("synthetic", "requests", 3, (seen,), path, protocol, images)


def published(out, model="abc", **of_faces):
    """Writes the card of such an evaluation into `out`."""
    guidance = of_faces.pop("guidance", 2.0)
    parts = (faces_part(out, **of_faces), requests_part(out, guidance))
    report = content()
    report.details.update(protocol={"model": model}, versions={"jax": "1.2.3"})
    return publish(out, f"t2f_jax: {out.name}", Evaluation(report, parts, {"model": model}), Usage(12.0, 2 << 30))
