"""Results as HTML: the blocks of `fragments.html`, with everything escaped."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import numpy as np
from PIL import Image

from t2f_jax.demo import pictures
from t2f_jax.inference.answers import ChoiceRecord, NumberRecord
from t2f_jax.inference.likelihoods import Caption
from t2f_jax.report import render

PLOT_HEIGHT = 100  # of a number's distribution, in the plot's own units; each number has width 1


def faces(made: Sequence[Image.Image], unread: Sequence[str] = ()) -> str:
    """A gallery of faces, each with its prompt, seed, score and a link that downloads it with its settings as metadata.

    `unread` are words with characters that the model does not know.
    """
    cards = [
        {
            "source": pictures.data_uri(face),
            "seed": face.info["seed"],
            "score": face.info.get("score"),
            "file": f"face-{face.info['seed']:06d}.png",
        }
        for face in made
    ]
    return _block("faces", prompt=made[0].info["prompt"], cards=cards, unread=unread)


def half_drawn(share: float, faces: Sequence[np.ndarray]) -> str:
    """Faces of which a share of the codes is generated."""
    return _block("half_drawn", share=share, sources=[pictures.data_uri(face) for face in faces])


def waiting(what: str) -> str:
    """Shown before there is a result."""
    return _block("waiting", what=what)


def problem(message: str) -> str:
    """An error, and what would be right."""
    return _block("problem", message=message)


def captions(told: Sequence[Caption]) -> str:
    """Captions, most likely first."""
    return _block("captions", told=told)


def answers(face: Mapping[str, ChoiceRecord | NumberRecord]) -> str:
    """A face's answers: a number's distribution as a plot, a choice's probabilities as bars.

    Yes-or-no attributes share one table, which shows the probability of each.
    """
    records: dict[str, Any] = dict(face)
    numbers = {name: plot(record) for name, record in records.items() if "interval_90" in record}
    choices = {name: record for name, record in records.items() if name not in numbers}
    signs = {n: r["probabilities"]["yes"] for n, r in choices.items() if [*r["probabilities"]] == ["no", "yes"]}
    tables = {f"{n}: {r['value']}": _rows(r["probabilities"]) for n, r in choices.items() if n not in signs}
    if signs:
        tables = {"present or not": [(n, share, share >= 0.5) for n, share in signs.items()], **tables}
    return _block("answers", numbers=numbers, tables=tables)


def _rows(probabilities: Mapping[str, float]) -> list[tuple[str, float, bool]]:
    """(value, probability, whether it is the most likely) of each."""
    best = max(probabilities.values())
    return [(value, share, share == best) for value, share in probabilities.items()]


def plot(record: Any) -> dict[str, Any]:
    """Data for the plot of a number's distribution, with horizontal positions in percent of the width.

    Args:
      record: a `NumberRecord`.
    """
    values = list(record["probabilities"])
    shares = np.array([*record["probabilities"].values()])
    heights = PLOT_HEIGHT * (1 - shares / max(shares.max(), 1e-12))
    line = [f"{i},{y:.2f} {i + 1},{y:.2f}" for i, y in enumerate(heights)]
    low, high = record["interval_90"]

    def place(value: float) -> float:
        return 100 * (value - values[0]) / len(values)

    return {
        **{key: record[key] for key in ("median", "mode", "mean")},
        **{"low": low, "high": high, "first": values[0], "last": values[-1], "width": len(values)},
        "outline": f"0,{PLOT_HEIGHT} {' '.join(line)} {len(values)},{PLOT_HEIGHT}",
        "band": (place(low), place(high + 1)),
        "line": place(record["median"] + 0.5),
    }


def _block(name: str, **values: Any) -> str:
    return str(getattr(_fragments(), name)(**values))


@functools.cache
def _fragments() -> Any:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("t2f_jax.demo", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["share"] = render.share
    environment.filters["unit"] = render.unit
    return environment.get_template("fragments.html").module
