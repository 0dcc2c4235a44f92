"""Figures of faces that a model generated for requests or captions. Axes: N faces, A attributes."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line
from t2f_jax.evaluation.interfaces import Request, Trial

SHARE: dict[str, Any] = {"unit": "share", "better": "higher"}


def drawn_figures(trial: Trial, judged: Iterable[Request]) -> list[Figure]:
    """How much of what was requested the judge, if there is one, recognizes."""
    if trial.judge is None or not trial.requests:
        return []
    names = [a.name for a in trial.schema if not a.is_number]
    counts, hits = np.zeros((2, len(trial.requests), len(names)))
    for i, (asked, seen) in enumerate(zip(trial.requests, judged, strict=True)):
        counts[i] = [name in asked and name in seen for name in names]
        hits[i] = counts[i] * [asked.get(name) == seen.get(name) for name in names]
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
