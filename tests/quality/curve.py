"""Measures the checkpoints of a run: its figures on validation faces against the minutes that it had trained.

    t2f train faces --out runs/faces decoder.train.keep_last=100
    python tests/quality/curve.py --run runs/faces --out runs/curve

Writes curve.json, curve.png and an evaluation for each checkpoint. Minutes are those of the steps of both trainings, as
their metrics.jsonl tell, without encoding and evaluations. Faces are drawn and judged as in `judge_faces.py`.
"""

import argparse
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import judge_faces

from t2f_jax import bundle, load
from t2f_jax.config.loader import narrow
from t2f_jax.evaluation import suite
from t2f_jax.experiments import runs
from t2f_jax.inference.sampler import Sampler
from t2f_jax.io import metrics
from t2f_jax.io.files import write_json
from t2f_jax.report import plots

PANELS = {  # of the picture: its title, then the figures and their names
    "Age of UTKFace, mean absolute error, years": {"utkface/attributes/age/mae": "read"},
    "Right answers": {
        "utkface/attributes/gender/accuracy": "gender, UTKFace",
        "utkface/attributes/ethnicity/accuracy": "ethnicity, UTKFace",
        "celeba/attributes/accuracy": "40 attributes, CelebA",
        "celeba/attributes/balanced_accuracy_by_share": "the same, balanced",
    },
    "Captions of CelebA": {
        "celeba/captions/fact_precision": "facts that are true",
        "celeba/captions/fact_recall": "facts that are said",
    },
    "Faces drawn from words": {
        "people_gender_seen": "gender asked and seen",
        "people_age_correlation": "age, correlation",
        "people_face_found": "a face is found",
    },
}


def minutes_until(folder: pathlib.Path, step: int | None = None) -> float:
    """Minutes that the steps of a training took, up to `step`; "seconds" are those of a step since the line before."""
    total, before = 0.0, 0
    for row in metrics.train_rows(metrics.read(folder / metrics.NUMBERS)):
        if step is None or row["step"] <= step:
            total += row["seconds"] * (row["step"] - before)
            before = row["step"]
    return total / 60


def read_figures(card: Mapping[str, Any]) -> dict[str, float]:
    """What a card says of the faces of each source, {"celeba/attributes/accuracy": 0.87}."""
    parts = [part for part in card["parts"] if part["examples"] == "faces"]
    return {f"{part['source']}/{figure['name']}": figure["value"] for part in parts for figure in part["figures"]}


def drawn(model: pathlib.Path, judge: judge_faces.OutsideJudge, sampler: Sampler, n: int) -> dict[str, float]:
    """What the judges see in n faces of requested people."""
    requests, prompts = judge_faces.people(n)
    images = judge_faces.draw(load(str(model)), prompts, sampler, model.parent.name)
    return judge_faces.seen_in_people(judge, images, requests)


def plot(points: Sequence[Mapping[str, Any]], path: pathlib.Path) -> None:
    """A panel for each of `PANELS`."""
    figure, panels = plots.new_figure(2, 2, (5.0, 3.2))
    for axes, (title, names) in zip(panels, PANELS.items()):
        for (key, name), color in zip(names.items(), plots.COLORS):
            axes.plot(*zip(*((p["minutes"], p[key]) for p in points)), "o-", color=color, markersize=3.5, label=name)
        axes.set(title=title, xlabel="minutes of training")
        axes.legend()
    path.write_bytes(plots.png(figure))


def main() -> None:
    """Measures a run's checkpoints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=pathlib.Path, required=True, help="what `t2f train` wrote")
    parser.add_argument(
        "--tokenizer", type=pathlib.Path, help="the run of its image tokenizer (default: RUN/tokenizer)"
    )
    parser.add_argument("--steps", type=int, nargs="*", help="checkpoints (default: all that are kept)")
    parser.add_argument("--faces", type=int, default=0, help="validation faces read of each source (0: all)")
    parser.add_argument("--n", type=int, default=128, help="faces drawn for each checkpoint")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    judge, points = judge_faces.OutsideJudge(), []
    kept = sorted(int(path.name) for path in (args.run / "checkpoints").iterdir() if path.name.isdecimal())
    for step in args.steps or kept:
        folder = args.out / f"step-{step}"
        made = runs.model_at(args.run, step)
        if not (folder / "model").is_dir():
            bundle.save(folder / "model", made)
        settings = ["eval.generated=0", "eval.samples=4", f"eval.faces={args.faces}"]
        card = suite.evaluate_and_publish(folder / "model", folder / "evaluation", settings, split="validation")
        sampler = Sampler.of(narrow(made.provenance["config"]).eval)
        minutes = minutes_until(args.tokenizer or args.run / "tokenizer") + minutes_until(args.run, step)
        found = drawn(folder / "model", judge, sampler, args.n)
        points.append({"step": step, "minutes": minutes, **read_figures(card), **found})
        write_json(args.out / "curve.json", points)
        plot(points, args.out / "curve.png")


if __name__ == "__main__":
    main()
