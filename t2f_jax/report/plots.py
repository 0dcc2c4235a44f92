"""Plots of a run as the bytes of PNG files, made with matplotlib.

They have no background and mid-gray text, so they are legible on light and dark pages.
"""

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from t2f_jax.io import metrics

if TYPE_CHECKING:  # matplotlib takes most of a second to import, so only functions that plot import it
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#808489"  # legible on white and on near-black
COLORS = ("#2f7ed8", "#e07b39", "#3aa17e", "#b65fc2", "#c9a227", "#d1495b")


def smooth(values: Sequence[float] | np.ndarray, half_life: float) -> np.ndarray:
    """Exponential moving average of a series, unbiased at its start; values that are not finite are skipped.

    Args:
      half_life: after this many entries the weight of an entry has halved.
    """
    decay = 0.5 ** (1 / max(half_life, 1e-9))
    total = weight = 0.0
    result = np.empty(len(values))
    for i, value in enumerate(values):
        if math.isfinite(value):
            total, weight = decay * total + (1 - decay) * value, decay * weight + (1 - decay)
        result[i] = total / weight if weight else math.nan
    return result


def loss_curves(rows: list[dict[str, Any]]) -> bytes | None:
    """Training loss (faint: measured, solid: smoothed) and held-out loss (dots).

    There is a panel for "loss" and for every other key with "loss" in its name, six panels at most.

    Args:
      rows: what `metrics.read` returns.

    Returns:
      PNG bytes, None if there is nothing to draw.
    """
    train, held_out = metrics.train_rows(rows), metrics.eval_rows(rows)
    others = {k: None for row in [*train, *held_out] for k in row if "loss" in k and k != "loss"}
    keys = [k for k in ["loss", *others][:6] if any(k in row for row in [*train, *held_out])]
    if not keys:
        return None
    columns = min(len(keys), 2)
    figure, panels = new_figure(math.ceil(len(keys) / columns), columns, (4.2, 2.9))
    for axes, key, color in zip(panels, keys, COLORS):
        steps, values = _series(train, key)
        if len(steps):
            axes.plot(steps, values, color=color, alpha=0.22, linewidth=0.8)
            axes.plot(steps, smooth(values, len(values) / 100), color=color, label="training")
        steps, values = _series(held_out, key)
        if len(steps):
            axes.plot(steps, values, "o-", color=INK, markersize=3.5, linewidth=1, label="held-out")
        axes.set_title(key.replace("_", " ").replace("/", " "))
        axes.set_xlabel("step")
        if axes.get_legend_handles_labels()[0]:  # none if a short run has no values of this loss
            axes.legend()
    for axes in panels[len(keys) :]:
        axes.set_axis_off()
    return png(figure)


def _series(rows: Sequence[Mapping[str, Any]], key: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(row["step"], row[key]) for row in rows if row.get(key) is not None]
    return np.array([s for s, _ in pairs]), np.array([v for _, v in pairs], np.float64)


def age_scatter(pairs: Sequence[Sequence[int]], mae: float) -> bytes:
    """Predicted age over true age, with the diagonal.

    Args:
      pairs: [true, predicted] in years, one pair per face.
      mae: mean absolute error in years.
    """
    true, predicted = np.array(pairs, np.float64).reshape(-1, 2).T
    figure, (axes,) = new_figure(1, 1, (4.6, 4.4))
    top = 5 * math.ceil(max(true.max(), predicted.max(), 1) / 5) + 2
    axes.plot([0, top], [0, top], color=INK, linewidth=1)
    jitter = np.random.default_rng(0).uniform(
        -0.35, 0.35, (2, len(true))
    )  # ages are integers: equal dots would hide each other
    axes.scatter(true + jitter[0], predicted + jitter[1], s=12, alpha=0.45, color=COLORS[0], linewidths=0)
    axes.set(xlim=(0, top), ylim=(0, top), xlabel="true age", ylabel="predicted age", aspect="equal")
    axes.set_title(f"mean absolute error {mae:.1f} years, {len(true)} faces")
    return png(figure)


def calibration(result: Mapping[str, Any]) -> bytes:
    """Accuracy over confidence, with the diagonal; a dot's area grows with the number of answers in its bin.

    Args:
      result: {"ece", "bins": [{"confidence", "accuracy", "n"}, ...]}, what `metrics.calibration` returns.
    """
    bins = result["bins"]
    figure, (axes,) = new_figure(1, 1, (4.2, 4.0))
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1)
    sizes = np.array([b["n"] for b in bins], np.float64)
    x, y = [b["confidence"] for b in bins], [b["accuracy"] for b in bins]
    axes.plot(x, y, color=COLORS[0], linewidth=1.2)
    axes.scatter(x, y, s=12 + 110 * sizes / sizes.max(), color=COLORS[0], alpha=0.8, linewidths=0)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="accuracy")
    axes.set_title(f"calibration error {result['ece']:.3f}")
    return png(figure)


def guidance_curve(points: Sequence[Mapping[str, Any]], reranking: Mapping[str, Any] | None = None) -> bytes:
    """Share of requested attributes shown, by guidance scale, with 95% intervals, and that of self-reranking.

    If it was measured, also how far the attributes that were not requested drift from the data.

    Args:
      points, reranking: results of the functions of these names in `evaluation.guidance`.
    """
    points = [p for p in points if p["seen"] is not None]
    figure, (axes,) = new_figure(1, 1, (4.6, 3.4))
    scales, seen = [p["guidance"] for p in points], [p["seen"] for p in points]
    lows, highs = zip(*(p["interval"] for p in points))
    axes.fill_between(scales, lows, highs, color=COLORS[0], alpha=0.18, linewidth=0)
    axes.plot(scales, seen, "o-", color=COLORS[0], markersize=4, label="one face for each request")
    if reranking and reranking["best"]["seen"] is not None:
        best = reranking["best"]
        label = f"the best of {reranking['best_of']} by the model's own score"
        axes.plot([reranking["guidance"]] * 2, best["interval"], color=COLORS[1], linewidth=1.5)
        axes.plot(reranking["guidance"], best["seen"], "D", color=COLORS[1], markersize=6, label=label)
    drifting = [p for p in points if p.get("unasked_drift") is not None]
    if drifting:
        drift = [p["unasked_drift"] for p in drifting]
        axes.plot(
            [p["guidance"] for p in drifting],
            drift,
            "s--",
            color=COLORS[2],
            markersize=4,
            label="drift of other attributes",
        )
    axes.set(xlabel="guidance", ylabel="requested attributes seen")
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.legend(loc="center right" if drifting else "lower right")
    return png(figure)


def histogram(values: np.ndarray, groups: Mapping[str, np.ndarray], label: str) -> bytes:
    """How many faces have each value, with the groups stacked.

    Args:
      values: ascending numbers [V].
      groups: {name: faces of each value [V]}, such as of each gender.
      label: what the values are.
    """
    figure, (axes,) = new_figure(1, 1, (4.6, 3.0))
    below = np.zeros(len(values))
    for (name, faces), color in zip(groups.items(), (*COLORS, INK)):
        axes.bar(values, faces, bottom=below, width=1.0, color=color, label=name or None, linewidth=0)
        below = below + faces
    axes.set(xlabel=label, ylabel="faces")
    if any(groups):
        axes.legend()
    return png(figure)


def shares(rows: Mapping[str, float]) -> bytes:
    """A bar for each name, followed by its share from 0 to 1; in the order of `rows` from the top."""
    figure, (axes,) = new_figure(1, 1, (4.6, 0.6 + 0.21 * len(rows)))
    places = np.arange(len(rows))[::-1]
    axes.barh(places, list(rows.values()), height=0.7, color=COLORS[0])
    axes.set_yticks(places, list(rows))
    for place, share in zip(places, rows.values()):
        axes.text(
            share + 0.01,
            place,
            f"{share:.0%}" if share >= 0.01 or not share else "<1%",
            va="center",
            fontsize=8,
            color=INK,
        )
    axes.set(xlim=(0, 1.1), ylim=(-0.7, len(rows) - 0.3))
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.grid(visible=False, axis="y")
    return png(figure)


def new_figure(rows: int, columns: int, size: tuple[float, float]) -> "tuple[Figure, list[Axes]]":
    """A figure of rows x columns panels of `size` inches each, and its panels in one list. Needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((size[0] * columns, size[1] * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axes in panels:
        axes.patch.set_alpha(0)
        axes.spines[["top", "right"]].set_visible(False)
        for spine in axes.spines.values():
            spine.set_color(INK)
        axes.tick_params(colors=INK, labelsize=9)
        axes.grid(color=INK, alpha=0.18, linewidth=0.7)
        axes.set_axisbelow(True)
    return figure, panels


def png(figure: "Figure") -> bytes:
    """The PNG file of a figure, without a background, its text in `INK`."""
    for axes in figure.axes:
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
            text.set_color(INK)
            text.set_fontsize(10)
    for legend in filter(None, (axes.get_legend() for axes in figure.axes)):
        legend.set_frame_on(False)
        for text in legend.get_texts():
            text.set_color(INK)
            text.set_fontsize(9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, transparent=True, metadata={"Software": None})
    return buffer.getvalue()
