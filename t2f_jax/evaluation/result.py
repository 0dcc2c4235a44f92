"""The result of an evaluation: figures, rows and images for each source and kind of example."""

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
      examples: `faces`: test faces that the model read. `requests`: faces generated for attributes of test faces.
        `texts`: faces generated for captions of test faces.
      n: their number.
      figures: their names are unique; `per_example` of each has N rows.
      rows: the file with the results of each example, see `evaluation.rows`.
      protocol: what determines the figures besides the model, plain JSON. Always: "dataset" (its kind), "title",
        "split", "partition", "available" (faces of the split that can be read), "n" (examples of this part), "seed",
        "data" and "dataset_fingerprint" (`cards.protocol.fingerprint` of the chosen faces, and of every split:
        baselines come from training faces), "image_size", "crop", "resize" and "filter". For generated faces also
        "sampler" and, with a judge, "judge" (its settings and a fingerprint of its weights).
      images: indices of examples -> uint8 [n, S, S, 3]: the test faces, or the generated ones.
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
        """`<source>-<examples>`; unique in an evaluation, and the name of the file of rows."""
        return f"{self.source}-{self.examples}"

    def figure(self, name: str) -> Figure | None:
        """The figure with that name, or None."""
        return next((figure for figure in self.figures if figure.name == name), None)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What `suite.evaluate` returns.

    Attributes:
      content: what the report shows.
      parts: in the order of the sources.
      protocol: what determines all figures, plain JSON: "model" (hash of its weights), "preprocess", "sampler", "seed".
      model: the name of the measured model, whatever its path, such as `faces (1a2b3c4d)`.
    """

    content: ReportContent
    parts: tuple[Part, ...]
    protocol: Mapping[str, Any]
    model: str = ""
