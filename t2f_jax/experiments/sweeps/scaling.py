"""Scaling laws of the loss: L(x) = floor + scale * x ** -exponent, fitted over model sizes or over FLOPs.

Sources: Hestness et al., arXiv:1712.00409; Kaplan et al., arXiv:2001.08361; Hoffmann et al., arXiv:2203.15556, whose
first approach is `frontier`.
"""

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np
from scipy import optimize, stats

LEAST = 4  # distinct x: the law has three parameters
FLOORS = 60  # tried as starting points


@dataclasses.dataclass(frozen=True)
class Law:
    """L(x) = floor + scale * x ** -exponent, in the unit of the losses.

    Attributes:
      interval: 95%, of the exponent, Student's on the fit's linearization; None if the data does not determine it.
      residual: root mean square of the losses around the law.
      points: their number in the fit.
    """

    floor: float
    scale: float
    exponent: float
    interval: tuple[float, float] | None
    residual: float
    points: int

    def __call__(self, x: float | np.ndarray) -> np.ndarray:
        """The loss at x."""
        return self.floor + self.scale * np.asarray(x, np.float64) ** -self.exponent

    def text(self, symbol: str) -> str:
        """Such as `L = 0.512 + 21.3 N^-0.34`."""
        return f"L = {self.floor:.3f} + {self.scale:.3g} {symbol}^-{self.exponent:.3f}"


def fit(x: Sequence[float] | np.ndarray, losses: Sequence[float] | np.ndarray) -> Law | None:
    """The least-squares law; None with fewer than `LEAST` distinct x, or if no decreasing law fits.

    Several losses at one x, such as those of several seeds, each count.
    """
    x_N, y_N = np.asarray(x, np.float64), np.asarray(losses, np.float64)
    if len(np.unique(x_N)) < LEAST:
        return None
    middle = np.exp(np.log(x_N).mean())  # normalizing x decorrelates scale and exponent

    def law(u: np.ndarray, floor: float, log_scale: float, exponent: float) -> np.ndarray:
        return floor + np.exp(log_scale - exponent * np.log(u))

    u_N = x_N / middle
    bounds = ([0.0, -30.0, 0.0], [float(y_N.min()), 30.0, 5.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optimize.OptimizeWarning)  # an undetermined covariance is infinite
        try:
            best, covariance = optimize.curve_fit(law, u_N, y_N, _start(u_N, y_N), bounds=bounds, max_nfev=20_000)
        except RuntimeError:  # no convergence
            return None
    floor, log_scale, exponent = map(float, best)
    if exponent < 1e-6:
        return None
    error = float(np.sqrt(covariance[2, 2]))
    half = float(stats.t.ppf(0.975, len(x_N) - 3)) * error if len(x_N) > 3 and np.isfinite(error) else None
    return Law(
        floor=floor,
        scale=float(np.exp(log_scale) * middle**exponent),
        exponent=exponent,
        interval=None if half is None else (exponent - half, exponent + half),
        residual=float(np.sqrt(np.mean((law(u_N, *best) - y_N) ** 2))),
        points=len(x_N),
    )


def _start(u_N: np.ndarray, y_N: np.ndarray) -> tuple[float, float, float]:
    """The best of several floors, each with a straight line fitted to log(loss - floor) over log u."""

    def of(floor: float) -> tuple[float, tuple[float, float, float]]:
        slope, log_scale = np.polyfit(np.log(u_N), np.log(y_N - floor), 1)
        exponent = float(np.clip(-slope, 1e-4, 4.9))
        error = float(np.sum((floor + np.exp(log_scale) * u_N**-exponent - y_N) ** 2))
        return error, (floor, float(np.clip(log_scale, -29, 29)), exponent)

    return min(of(share * float(y_N.min())) for share in np.linspace(0.0, 0.999, FLOORS))[1]


def frontier(curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The lowest loss that any of the runs had reached at each amount of compute.

    Args:
      curves: for each run, its FLOPs so far, ascending, and its held-out loss there.

    Returns:
      FLOPs, ascending, and the loss there, decreasing: only points at which the lowest loss so far decreases.
    """
    points = sorted((float(f), float(loss)) for flops, losses in curves for f, loss in zip(flops, losses))
    best: list[tuple[float, float]] = []
    for f, loss in points:
        if not best or loss < best[-1][1]:
            best.append((f, loss))
    flops, losses = zip(*best) if best else ((), ())
    return np.array(flops), np.array(losses)
