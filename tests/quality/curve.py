"""Measures the checkpoints of a run: its figures on validation faces against the minutes that it had trained.

    t2f train faces --out runs/faces decoder.train.keep_last=100
    python tests/quality/curve.py --run runs/faces --out runs/curve

Writes curve.json, curve.png and an evaluation for each checkpoint. Minutes are those of the steps of both trainings, as
their metrics.jsonl tell, without encoding and evaluations. Faces are drawn and judged as in `judge_faces.py`.
"""

import argparse
import json
import pathlib
from collections.abc import Sequence

import judge_faces

from t2f_jax import bundle, load
from t2f_jax.config.loader import narrow
from t2f_jax.evaluation import suite
from t2f_jax.experiments import runs
from t2f_jax.inference.sampler import Sampler
from t2f_jax.io.files import write_json
from t2f_jax.report import plots

PANELS = {  # of the picture: its title, then the figures and their names
    "Age of UTKFace, mean absolute error, years": {"attributes/utkface/age/mae": "read"},
    "Right answers": {
        "attributes/utkface/gender/accuracy": "gender, UTKFace",
        "attributes/utkface/ethnicity/accuracy": "ethnicity, UTKFace",
        "attributes/celeba/accuracy": "40 attributes, CelebA",
    },
    "Captions": {"captions/fact_precision": "facts that are true", "captions/fact_recall": "facts that are said"},
    "Faces drawn from words": {
        "people_gender_seen": "gender asked and seen",
        "people_age_correlation": "age, correlation",
        "people_face_found": "a face is found",
    },
}


def minutes_until(folder: pathlib.Path, step: int | None = None) -> float:
    """Minutes that the steps of a training took, up to `step`; each line of metrics.jsonl tells of one step."""
    total, before = 0.0, 0
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        if "seconds" in row and (step is None or row["step"] <= step):
            total += row["seconds"] * max(row["step"] - before, 0)
            before = max(before, row["step"])
    return total / 60


def drawn(model: pathlib.Path, judge: judge_faces.OutsideJudge, sampler: Sampler, n: int) -> dict[str, float]:
    """What the judges see in n faces of requested people."""
    requests, prompts = judge_faces.people(n)
    images = judge_faces.draw(load(str(model)), prompts, sampler, model.name)
    return judge_faces.seen_in_people(judge, images, requests)


def plot(points: Sequence[dict[str, float]], path: pathlib.Path) -> None:
    """A panel for each of `PANELS`."""
    figure, axes = plots.new_figure(2, 2, (5.0, 3.2))
    for axis, (title, names) in zip(axes, PANELS.items()):
        for key, name in names.items():
            known = [(point["minutes"], point[key]) for point in points if key in point]
            axis.plot(*zip(*known), marker="o", label=name)
        axis.set(title=title, xlabel="minutes of training")
        axis.legend()
    path.write_bytes(plots.png(figure))


def main() -> None:
    """Measures a run's checkpoints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=pathlib.Path, required=True, help="what `t2f train` wrote")
    parser.add_argument("--steps", type=int, nargs="*", help="checkpoints (default: all that are kept)")
    parser.add_argument("--n", type=int, default=128, help="faces drawn for each checkpoint")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    judge, points = judge_faces.OutsideJudge(), []
    kept = sorted(int(path.name) for path in (args.run / "checkpoints").iterdir() if path.name.isdecimal())
    for step in args.steps or kept:
        model = args.out / f"step-{step}" / "model"
        made = runs.model_at(args.run, step)
        if not model.is_dir():
            bundle.save(model, made)
        card = suite.evaluate_and_publish(
            model, model.parent / "evaluation", ["eval.generated=0", "eval.samples=4"], split="validation"
        )
        sampler = Sampler.of(narrow(made.provenance["config"]).eval)
        minutes = minutes_until(args.run / "tokenizer") + minutes_until(args.run, step)
        points.append({"step": step, "minutes": minutes, **card, **drawn(model, judge, sampler, args.n)})
        write_json(args.out / "curve.json", points)
    plot(points, args.out / "curve.png")


if __name__ == "__main__":
    main()
