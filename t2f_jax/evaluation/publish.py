"""An evaluation on disk.

DIR/card.json     the figures, each with its protocol
DIR/card.md       the same as markdown, with a model-index block for Hugging Face
DIR/results/      the content of the report, as JSON and PNG files
DIR/rows/         the results of every example, see `evaluation.rows`
DIR/report.html   the report
"""

import dataclasses
import pathlib
from typing import Any

from t2f_jax.errors import UserError
from t2f_jax.evaluation.card import make_card
from t2f_jax.evaluation.cards import identity, markdown, record, sections
from t2f_jax.evaluation.resources import Usage
from t2f_jax.evaluation.result import Evaluation
from t2f_jax.io.files import defined, write_json, write_text
from t2f_jax.report import page
from t2f_jax.report.content import load_results, save_results

MARKDOWN = "card.md"
REPORT = "report.html"


def publish(out: pathlib.Path, title: str, evaluation: Evaluation, usage: Usage) -> dict[str, Any]:
    """Writes results, report and card into `out`; returns the card."""
    records = [record.describe(part) for part in evaluation.parts]
    content = sections.add_parts(evaluation.content, evaluation.parts, records)
    content = dataclasses.replace(content, run={**content.run, **dataclasses.asdict(usage)})
    versions = content.details.get("versions", {})
    named = identity.describe(evaluation.model, evaluation.protocol.get("model", ""), versions)
    card = {"format": record.FORMAT, "title": title, "identity": named}
    card |= make_card(content.sources, usage, content.details["protocol"]) | {"parts": records}
    out.mkdir(parents=True, exist_ok=True)
    save_results(out, title, content)
    page.write(out / REPORT, title, content)
    write_text(out / MARKDOWN, markdown.write(title, named, records))
    write_json(out / record.CARD, defined(card))
    return card


def rewrite(folder: pathlib.Path) -> pathlib.Path:
    """Writes the report again from `folder/results`; returns its path.

    Raises:
      UserError: there is no such folder, or it has no results.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the --out of `t2f evaluate` or `t2f quickstart`")
    title, content = load_results(folder)
    try:
        text = page.render_report(title, content)
    except Exception as error:  # a template may raise anything for values that this package did not write
        raise UserError(f"{folder}: its results are broken ({error}); evaluate the model again") from error
    write_text(folder / REPORT, text)
    return folder / REPORT
