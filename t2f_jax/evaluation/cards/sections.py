"""What the report shows of an evaluation's parts: every figure, groups of faces, and the model's failures."""

import dataclasses
from collections.abc import Mapping, Sequence

from t2f_jax.evaluation import rows
from t2f_jax.evaluation.cards import failures
from t2f_jax.evaluation.cards.record import PartRecord
from t2f_jax.evaluation.result import Part
from t2f_jax.report import grids
from t2f_jax.report.content import Failure, Gallery, PartReport, ReportContent

SHOWN_CONFUSIONS = ("gender", "ethnicity", "age")  # if the attribute has one; the card holds all


def add_parts(content: ReportContent, parts: Sequence[Part], records: Sequence[PartRecord]) -> ReportContent:
    """Adds a `PartReport` of each part to the section of its source."""
    reports: dict[str, list[PartReport]] = {}
    for part, record in zip(parts, records, strict=True):
        reports.setdefault(part.source, []).append(_report(part, record))
    sources = [dataclasses.replace(source, parts=reports.get(source.name, [])) for source in content.sources]
    return dataclasses.replace(content, sources=sources)


def _report(part: Part, record: PartRecord) -> PartReport:
    confusions: Mapping = record["confusions"]
    return PartReport(
        examples=part.examples,
        n=part.n,
        protocol=record["protocol"],
        protocol_id=record["protocol_id"],
        figures=[*record["figures"]],
        slices=record["slices"],
        confusions={name: confusions[name] for name in SHOWN_CONFUSIONS if name in confusions},
        galleries=_galleries(part),
    )


def _galleries(part: Part) -> list[Gallery]:
    kinds = failures.FACES if part.examples == "faces" else failures.REQUESTS
    galleries = []
    for kind, picks in failures.pick(rows.read(part.rows), kinds):
        faces = part.images([pick.row for pick in picks])
        shown = [Failure(grids.enlarged(face), pick.said, pick.truth) for face, pick in zip(faces, picks, strict=True)]
        galleries.append(Gallery(kind.title, kind.note, shown))
    return galleries
