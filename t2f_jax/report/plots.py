"""Figures of a run as PNG bytes (matplotlib), and image grids (PIL).

Figures have no background and mid-gray text, so that they stand on a light page and on a dark one.
Axes: N images, S image side in pixels.
"""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.io import metrics

INK = "#808489"  # legible on white and on near-black
COLORS = ("#2f7ed8", "#e07b39", "#3aa17e", "#b65fc2", "#c9a227", "#d1495b")


def smooth(values: Sequence[float] | np.ndarray, half_life: float) -> np.ndarray:
    """Exponential average of a series, unbiased at its start; `half_life` in entries. NaN are passed over."""
    decay = 0.5 ** (1 / max(half_life, 1e-9))
    total = weight = 0.0
    result = np.empty(len(values))
    for i, value in enumerate(values):
        if math.isfinite(value):
            total, weight = decay * total + (1 - decay) * value, decay * weight + (1 - decay)
        result[i] = total / weight if weight else math.nan
    return result


def loss_curves(rows: list[dict[str, Any]], keys: Sequence[str] | None = None) -> bytes | None:
    """Training loss (faint as measured, solid as smoothed) and held-out loss (dots), a panel for each key.

    Args:
      rows: of `metrics.read`.
      keys: what to draw; "loss" and every other key that speaks of a loss if not given, six at most.

    Returns:
      PNG bytes, None if there is nothing to draw.
    """
    train, held_out = metrics.train_rows(rows), metrics.eval_rows(rows)
    if keys is None:
        found = {k: None for row in [*train, *held_out] for k in row if "loss" in k and k != "loss"}
        keys = ["loss", *found][:6]
    keys = [k for k in keys if any(k in row for row in [*train, *held_out])]
    if not keys:
        return None
    columns = min(len(keys), 2)
    figure, panels = _figure(math.ceil(len(keys) / columns), columns, (4.2, 2.9))
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
        axes.legend()
    for axes in panels[len(keys) :]:
        axes.set_axis_off()
    return _png(figure)


def _series(rows: Sequence[Mapping[str, Any]], key: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(row["step"], row[key]) for row in rows if row.get(key) is not None]
    return np.array([s for s, _ in pairs]), np.array([v for _, v in pairs], np.float64)


def age_scatter(pairs: Sequence[Sequence[int]], mae: float) -> bytes:
    """Predicted over true age with the diagonal; `pairs` and `mae` of `evaluate.attributes`."""
    true, predicted = np.array(pairs, np.float64).reshape(-1, 2).T
    figure, (axes,) = _figure(1, 1, (4.6, 4.4))
    top = 5 * math.ceil(max(true.max(), predicted.max(), 1) / 5) + 2
    axes.plot([0, top], [0, top], color=INK, linewidth=1)
    jitter = np.random.default_rng(0).uniform(-0.35, 0.35, (2, len(true)))  # ages are whole: dots would hide each other
    axes.scatter(true + jitter[0], predicted + jitter[1], s=12, alpha=0.45, color=COLORS[0], linewidths=0)
    axes.set(xlim=(0, top), ylim=(0, top), xlabel="true age", ylabel="predicted age", aspect="equal")
    axes.set_title(f"mean absolute error {mae:.1f} years, {len(true)} faces")
    return _png(figure)


def attribute_bars(choices: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Accuracy of every attribute as a bar, its 95% interval as a line and the majority answer's as a mark.

    Args:
      choices: of `evaluate.attributes`.
    """
    names = sorted(choices, key=lambda name: choices[name]["accuracy"])
    figure, (axes,) = _figure(1, 1, (5.6, 0.9 + 0.24 * len(names)))
    for y, name in enumerate(names):
        row = choices[name]
        axes.barh(y, row["accuracy"], color=COLORS[0], height=0.66, label="accuracy" if y == 0 else None)
        axes.plot(row["interval"], [y, y], color=INK, linewidth=1.5)
        if row["majority_accuracy"] is not None:
            axes.plot(row["majority_accuracy"], y, "|", color=COLORS[1], markersize=11, markeredgewidth=2.2)
    axes.plot([], [], "|", color=COLORS[1], markersize=11, markeredgewidth=2.2, label="majority answer")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(0, 1), ylim=(-0.6, len(names) - 0.4))
    axes.xaxis.set_major_formatter("{x:.0%}")
    figure.legend(loc="outside lower center", ncols=2)
    return _png(figure)


def calibration(result: Mapping[str, Any]) -> bytes:
    """Accuracy over confidence with the diagonal, dots as large as their bin; `result` of `evaluate.calibration`."""
    bins = result["bins"]
    figure, (axes,) = _figure(1, 1, (4.2, 4.0))
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1)
    sizes = np.array([b["n"] for b in bins], np.float64)
    x, y = [b["confidence"] for b in bins], [b["accuracy"] for b in bins]
    axes.plot(x, y, color=COLORS[0], linewidth=1.2)
    axes.scatter(x, y, s=12 + 110 * sizes / sizes.max(), color=COLORS[0], alpha=0.8, linewidths=0)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="accuracy")
    axes.set_title(f"calibration error {result['ece']:.3f}")
    return _png(figure)


def guidance_curve(points: Sequence[Mapping[str, Any]], reranking: Mapping[str, Any] | None = None) -> bytes:
    """Share of requested attributes seen over the guidance scale with its 95% interval, self-reranking beside it.

    Args:
      points, reranking: of `evaluate_control.guidance_curve` and `evaluate_control.reranking`.
    """
    points = [p for p in points if p["seen"] is not None]
    figure, (axes,) = _figure(1, 1, (4.6, 3.4))
    scales, seen = [p["guidance"] for p in points], [p["seen"] for p in points]
    lows, highs = zip(*(p["interval"] for p in points))
    axes.fill_between(scales, lows, highs, color=COLORS[0], alpha=0.18, linewidth=0)
    axes.plot(scales, seen, "o-", color=COLORS[0], markersize=4, label="one face for each request")
    if reranking and reranking["best"]["seen"] is not None:
        best = reranking["best"]
        label = f"the best of {reranking['best_of']} by the model itself"
        axes.plot([reranking["guidance"]] * 2, best["interval"], color=COLORS[1], linewidth=1.5)
        axes.plot(reranking["guidance"], best["seen"], "D", color=COLORS[1], markersize=6, label=label)
    axes.set(xlabel="guidance", ylabel="requested attributes seen")
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.legend(loc="lower right")
    return _png(figure)


def _figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, list[Any]]:
    """A figure of rows x columns panels of `size` inches each, drawn without a display, and its panels in one list."""
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


def _png(figure: Any) -> bytes:
    for axes in figure.axes:
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
            text.set_color(INK)
            text.set_fontsize(10)
    for legend in (*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())):
        legend.set_frame_on(False)
        for text in legend.get_texts():
            text.set_color(INK)
            text.set_fontsize(9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, transparent=True, metadata={"Software": None})
    return buffer.getvalue()
