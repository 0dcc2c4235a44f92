"""An evaluation on disk: card.json, results/ and report.html."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

from t2f_jax.errors import UserError
from t2f_jax.evaluation import card as card_module
from t2f_jax.evaluation.resources import measured
from t2f_jax.evaluation.suite import evaluate
from t2f_jax.io.files import write_json
from t2f_jax.report import content as report_content
from t2f_jax.report import page


def publish(
    out: pathlib.Path, title: str, content: report_content.ReportContent, spent: dict[str, float]
) -> dict[str, Any]:
    """Writes card, results and report; prints the figures; returns the card."""
    content = dataclasses.replace(content, run={**content.run, **spent})
    card = card_module.card(
        {
            s.name: {
                "attributes": s.attributes,
                "requests": s.requests,
                "reconstruction": s.reconstruction,
                "judge_accuracy": s.judge_accuracy,
            }
            for s in content.sources
        },
        spent["seconds"],
        int(spent["peak_memory_bytes"]),
        content.details["protocol"],
    )
    out.mkdir(parents=True, exist_ok=True)
    report_content.save_results(out, title, content)
    page.write(out / "report.html", title, content)
    write_json(out / "card.json", card)
    for key, value in card.items():
        if isinstance(value, float):
            print(f"{key:32} {value:.4g}")
    print(f"report: {out / 'report.html'}")
    return card


def evaluate_and_publish(
    model_folder: pathlib.Path, out: pathlib.Path, overrides: Sequence[str] = ()
) -> dict[str, Any]:
    """`t2f evaluate`."""
    with measured() as spent:
        content = evaluate(model_folder, out, overrides)
    return publish(out, f"t2f_jax: {model_folder}", content, spent)


def rewrite(folder: pathlib.Path) -> pathlib.Path:
    """`t2f report`: the report again from `folder/results`. Raises UserError if there are none."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the --out of `t2f evaluate` or `t2f quickstart`")
    title, content = report_content.load_results(folder)
    page.write(folder / "report.html", title, content)
    return folder / "report.html"
