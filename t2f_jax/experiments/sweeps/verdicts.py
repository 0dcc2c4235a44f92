"""Conclusions of a sweep: differences between an arm and the baseline, paired by seed, with significance tests.

The unit is a training run. The difference of two runs with the same seed removes the effects of the seed that both
share (the order of faces and, if shapes allow it, the initial weights). Three to five seeds are too few for resampling:
the interval is Student's, and every seed's value is reported, too. With eight or more seeds the exact sign-flip test
is used, which assumes no normal distribution. Verdicts are corrected for the number of arms.
"""

import dataclasses
import itertools
import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from scipy import optimize, stats

from t2f_jax.evaluation.stats import holm

LEVEL = 0.95  # of the intervals; 1 - LEVEL is the error rate of all verdicts about a figure together
POWER = 0.8  # probability of showing a difference of size `detectable`
EXACT = 8  # seeds from which the sign-flip test is used: with fewer, p cannot fall below 1%

Better = Literal["higher", "lower", ""]
Outcome = Literal["better", "worse", "different", "no difference shown", "not tested"]


@dataclasses.dataclass(frozen=True)
class Difference:
    """An arm's figure minus the baseline's, over the seeds that both have.

    Attributes:
      by_seed: {seed: difference}.
      mean: of `by_seed`.
      interval: of the mean, at `LEVEL`; None with fewer than two seeds, or if all seeds give the same difference.
      p: probability of so large a difference by the seeds alone; None like the interval.
      error: standard error of the mean; None like the interval.
    """

    by_seed: Mapping[int, float]
    mean: float
    interval: tuple[float, float] | None
    p: float | None
    error: float | None


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The conclusion from a difference.

    Attributes:
      p_corrected: `p` after Holm's correction for all arms of the figure; it decides `outcome`.
      arms: their number.
      detectable: the smallest true difference that this design shows with probability `POWER`, given the spread of
        these differences and Holm's strictest correction; above any difference that is not shown. None like `p`.
    """

    difference: Difference
    p_corrected: float | None
    outcome: Outcome
    arms: int = 1
    detectable: float | None = None


def difference(arm: Mapping[int, float], baseline: Mapping[int, float]) -> Difference | None:
    """Compares {seed: value} of an arm and of the baseline; None without a common seed."""
    by_seed = {seed: arm[seed] - baseline[seed] for seed in sorted(arm.keys() & baseline.keys())}
    if not by_seed:
        return None
    values, n = np.array(list(by_seed.values()), np.float64), len(by_seed)
    mean = float(values.mean())
    error = float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    if not error:
        return Difference(by_seed, mean, None, None, None)
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * error
    p = sign_flip(values) if n >= EXACT else float(2 * stats.t.sf(abs(mean) / error, n - 1))
    return Difference(by_seed, mean, (mean - half, mean + half), p, error)


def sign_flip(values: np.ndarray) -> float:
    """Two-sided exact p that the mean of N differences is 0: the share of the 2^N sign patterns with as large a mean.

    Source: Fisher, The Design of Experiments, 1935, section 21.
    """
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(values) - 1)))  # a pattern equals its negative
    sums = np.abs(values[0] + signs @ values[1:])
    return float(np.mean(sums >= abs(values.sum()) * (1 - 1e-12)))


def detectable(error: float, n: int, arms: int = 1) -> float:
    """The true difference at which a two-sided t-test of `n` pairs, whose mean has this standard error, has `POWER`.

    The test is that of the smallest p of `arms`, by Holm's correction.
    """
    quantiles = (np.arange(2000) + 0.5) / 2000
    needed = stats.t.isf((1 - LEVEL) / (2 * arms), n - 1) * np.sqrt(stats.chi2.ppf(quantiles, n - 1) / (n - 1))

    def missing(effect: float) -> float:  # averaged over the possible sample spreads
        return POWER - float(np.mean(stats.norm.sf(needed - effect) + stats.norm.cdf(-needed - effect)))

    return error * float(optimize.brentq(missing, 0.0, 2 * needed.max()))  # type: ignore[arg-type]


def judge(differences: Mapping[str, Difference], better: Better) -> dict[str, Verdict]:
    """The verdicts on one figure of all arms, {arm: ...}; `better` is the better direction."""
    tested = [name for name, one in differences.items() if one.p is not None]
    corrected = dict(zip(tested, holm([differences[name].p or 0.0 for name in tested])))
    arms = max(1, len(tested))
    return {
        name: Verdict(
            one,
            corrected.get(name),
            _outcome(one.mean, corrected.get(name), better),
            arms,
            one.error and detectable(one.error, len(one.by_seed), arms),
        )
        for name, one in differences.items()
    }


def _outcome(mean: float, p: float | None, better: Better) -> Outcome:
    if p is None:
        return "not tested"
    if p > 1 - LEVEL:
        return "no difference shown"
    if not better:
        return "different"
    return "better" if (mean > 0) == (better == "higher") else "worse"


def spread(values: Mapping[int, float]) -> tuple[float, tuple[float, float] | None]:
    """Mean of {seed: value} and its interval over seeds (Student's), None with fewer than two seeds."""
    numbers = np.array(list(values.values()), np.float64)
    mean, n = float(numbers.mean()), len(numbers)
    if n < 2:
        return mean, None
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * float(numbers.std(ddof=1)) / math.sqrt(n)
    return mean, (mean - half, mean + half)
