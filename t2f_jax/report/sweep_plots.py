"""Plots of a sweep as the bytes of PNG files: differences with intervals, learning curves, scaling laws."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from t2f_jax.report.plots import COLORS, INK, new_figure, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OUTCOMES = {"better": COLORS[2], "worse": COLORS[5], "different": COLORS[0]}


class Change(NamedTuple):
    """An arm's difference from the baseline: of each seed, their mean, and its interval (or None)."""

    arm: str
    seeds: Sequence[float]
    mean: float
    interval: tuple[float, float] | None
    outcome: str


def differences(panels: Mapping[str, Sequence[Change]]) -> bytes:
    """A panel for each figure: an arm's mean difference and interval, a faint dot for each seed."""
    columns = min(len(panels), 2)
    most = max(len(changes) for changes in panels.values())
    figure, all_axes = new_figure(math.ceil(len(panels) / columns), columns, (4.6, 0.9 + 0.3 * most))
    for axes, (name, changes) in zip(all_axes, panels.items()):
        axes.axvline(0, color=INK, linewidth=1)
        places = np.arange(len(changes))[::-1]
        for place, change in zip(places, changes):
            color = OUTCOMES.get(change.outcome, INK)
            if change.interval:
                axes.plot(change.interval, [place, place], color=color, linewidth=2)
            axes.plot(change.seeds, [place] * len(change.seeds), ".", color=color, alpha=0.45, markersize=4)
            axes.plot(change.mean, place, "o", color=color, markersize=6)
        axes.set_yticks(places, [change.arm for change in changes])
        axes.set(title=name, ylim=(-0.7, len(changes) - 0.3))
        axes.grid(visible=False, axis="y")
    for axes in all_axes[len(panels) :]:
        axes.set_axis_off()
    return png(figure)


def learning_curves(curves: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]]) -> bytes:
    """Held-out loss over steps: for each arm the runs of its seeds, (steps, losses) each, in one colour."""
    figure, (axes,) = new_figure(1, 1, (6.4, 3.6))
    styles = [(color, dash) for dash in ("-", "--", ":") for color in COLORS]
    for (arm, runs), (color, dash) in zip(curves.items(), styles * (len(curves) // len(styles) + 1)):
        for number, (steps, losses) in enumerate(runs):
            axes.plot(steps, losses, dash, color=color, linewidth=1.1, alpha=0.8, label=None if number else arm)
    axes.set(xlabel="step", ylabel="held-out loss, nats", yscale="log")
    _plain_numbers(axes)
    axes.legend(ncols=2)
    return png(figure)


def law(
    points: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    fitted: Callable[[np.ndarray], np.ndarray] | None,
    label: str,
    text: str,
    lines: bool = False,
    since: float = 0.0,
) -> bytes:
    """Loss over size, both logarithmic: (sizes, losses) of each arm, and the fitted scaling law as a line.

    Args:
      label: of the axis of sizes.
      text: the law, for the legend.
      lines: whether an arm's points are connected as a curve.
      since: the smallest size at which the law is plotted.
    """
    figure, (axes,) = new_figure(1, 1, (4.8, 3.6))
    for (arm, (sizes, losses)), color in zip(points.items(), COLORS * (len(points) // len(COLORS) + 1)):
        axes.plot(sizes, losses, "-" if lines else "o", color=color, markersize=4.5, linewidth=1, alpha=0.8, label=arm)
    if fitted is not None:
        every = np.concatenate([np.asarray(sizes, np.float64) for sizes, _ in points.values()])
        span = np.geomspace(max(since, every[every > 0].min()), every.max(), 100)
        axes.plot(span, fitted(span), "--", color=INK, linewidth=1.3, label=text)
    axes.set(xlabel=label, ylabel="held-out loss, nats", xscale="log", yscale="log")
    _plain_numbers(axes)
    axes.legend()
    return png(figure)


def _plain_numbers(axes: "Axes") -> None:
    """Losses on a logarithmic axis: 0.6, not 6 x 10^-1, and minor ticks in the colour of the others."""
    for at in ("major", "minor"):
        axes.tick_params(which=at, colors=INK, labelsize=9)
    axes.yaxis.set_major_formatter("{x:.3g}")
    axes.yaxis.set_minor_formatter("{x:.3g}")
