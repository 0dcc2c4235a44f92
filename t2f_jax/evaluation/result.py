"""What an evaluation has found: for each source and kind of example its figures, rows and images."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from t2f_jax.evaluation.figure import Figure
from t2f_jax.report.content import ReportContent


@dataclasses.dataclass(frozen=True)
class Part:
    """Figures of N examples of one source.

    Attributes:
      source: its name.
      examples: `faces`: test faces that the model read. `requests`: faces that it drew for attributes of test faces.
        `texts`: faces that it drew for captions of test faces.
      n: how many.
      figures: their names are unique; `per_example` of each has N rows.
      rows: the file of what was found of each example, see `evaluation.rows`.
      protocol: what decides the figures besides the model, plain JSON. Of all: "dataset" (its kind), "title",
        "split", "partition", "available" (faces of the split that can be read), "n" (examples of this part), "seed",
        "data" and "dataset_fingerprint" (`cards.protocol.fingerprint` of the chosen faces, and of every split:
        baselines come from training faces), "image_size", "crop", "resize" and "filter". Of drawn faces besides
        "sampler" and, where a judge looked at them, "judge" (its settings and a fingerprint of its weights).
      images: which examples -> uint8 [n, S, S, 3]: the test faces, or the drawn ones.
    """

    source: str
    examples: Literal["faces", "requests", "texts"]
    n: int
    figures: tuple[Figure, ...]
    rows: pathlib.Path
    protocol: Mapping[str, Any]
    images: Callable[[Sequence[int]], np.ndarray] = dataclasses.field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """`<source>-<examples>`; unique in an evaluation, and the name of its rows."""
        return f"{self.source}-{self.examples}"

    def figure(self, name: str) -> Figure | None:
        """The figure of that name; None where there is none."""
        return next((figure for figure in self.figures if figure.name == name), None)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What `suite.evaluate` returns.

    Attributes:
      content: what the report shows.
      parts: what was measured, in the order of the sources.
      protocol: what decides all figures, plain JSON: "model" (hash of its weights), "preprocess", "sampler", "seed".
      model: the name of what was measured, wherever it lies, such as `faces (1a2b3c4d)`.
    """

    content: ReportContent
    parts: tuple[Part, ...]
    protocol: Mapping[str, Any]
    model: str = ""
