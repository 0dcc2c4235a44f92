"""Sweeps: `sweep(arg) -> Sweep`, beside `get_config(arg)` in a config file, lists the variants to train.

    def sweep(arg: str = "") -> config.Sweep:
        return config.Sweep(
            arms=[
                config.Arm("causal", {"decoder.model.mask": "causal"}, "Is a prefix that sees all of itself needed?"),
                *config.grid({"decoder.model.width": (64, 128), "decoder.model.layers": (2, 4)}),
            ],
            figures=("held_out/loss",),
        )

Each arm is trained once for each seed and compared with the unchanged config, the arm `BASELINE`.
"""

import dataclasses
import hashlib
import itertools
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import ml_collections

from t2f_jax import arguments
from t2f_jax.config.loader import call, config_of, find, narrow, override
from t2f_jax.config.schema import Config, Role
from t2f_jax.config.typed import to_dict
from t2f_jax.errors import WrongArgument, naming

BASELINE = "baseline"
SEED_KEYS = ("decoder.train.seed",)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=,-]*")


@dataclasses.dataclass(frozen=True)
class Arm:
    """One variant of a config.

    Attributes:
      name: letters, digits and any of `_.=,-`; unique in its sweep.
      changes: {dotted config key: its value}.
      note: the question that the arm answers.
      factor: the report groups arms by factor; empty: the arm's name.
      figures: the figures to compare; empty: those of the sweep.
    """

    name: str
    changes: Mapping[str, Any]
    note: str = ""
    factor: str = ""
    figures: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Sweep:
    """The variants of a config to train, their seeds, and the figures to compare.

    Attributes:
      arms: the variants, without the baseline.
      figures: names of the figures that get verdicts, such as `held_out/loss`; the report's .csv has all others.
      seeds: each arm is trained once with each.
      seed_keys: the config keys that take a seed's value. With `image.train.seed` among them each seed trains its own
        image tokenizer; without it all seeds share one, and the intervals leave out its variance.
      hours: once all runs together have taken so long, no further one starts; 0: no limit.
      law: whether the arms are model sizes, to which a scaling law of the loss in parameters and FLOPs is fitted.
    """

    arms: Sequence[Arm]
    figures: tuple[str, ...] = ("held_out/loss",)
    seeds: tuple[int, ...] = (0, 1, 2)
    seed_keys: tuple[str, ...] = SEED_KEYS
    hours: float = 0.0
    law: bool = False


@dataclasses.dataclass(frozen=True)
class Trial:
    """One run of a sweep: an arm with a seed, as a checked config."""

    arm: Arm
    seed: int
    config: Config

    @property
    def name(self) -> str:
        """A name such as `causal-1`."""
        return f"{self.arm.name}-{self.seed}"

    @property
    def key(self) -> str:
        """Digest of everything that decides the run's weights: two trials with the same key are one run."""
        values = to_dict(self.config, without=(Role.FREE,))
        return digest({part: values[part] for part in ("data", "image", "text", "decoder")})


def grid(values: Mapping[str, Sequence[Any]], note: str = "", factor: str = "") -> list[Arm]:
    """Makes an arm for each combination of the keys' values, with names such as `width=64,layers=2`."""
    keys = [key.rpartition(".")[2] for key in values]
    return [
        Arm(",".join(f"{key}={value}" for key, value in zip(keys, chosen)), dict(zip(values, chosen)), note, factor)
        for chosen in itertools.product(*values.values())
    ]


def load_sweep(spec: str | os.PathLike, overrides: str | Sequence[str] = ()) -> tuple[Sweep, list[Trial]]:
    """Reads the sweep of `FILE[:ARG]`. Returns the sweep and its runs.

    The first seed's runs of the baseline and all arms come first, then the second seed's, and so on, so that a stopped
    sweep still compares arms with equal numbers of seeds.

    Args:
      overrides: `key=value`, for all arms; an arm's own changes take precedence.

    Raises:
      WrongArgument: no such file, no `sweep` in it, a wrong name, key or value; the message names the arm.
    """
    name, _, arg = arguments.text("spec", str(spec)).partition(":")
    path = find(name)
    sweep = call(path, "sweep", arg)
    if not isinstance(sweep, Sweep):
        raise WrongArgument(f"{path}: sweep must return a config.Sweep; it returned {sweep!r}")
    with naming(f"{path}: sweep"):
        _check(sweep)
    trials = [
        Trial(arm, seed, _resolve(config_of(path, arg), overrides, arm, sweep.seed_keys, seed))
        for seed in sweep.seeds
        for arm in (Arm(BASELINE, {}), *sweep.arms)
    ]
    return sweep, trials


def _check(sweep: Sweep) -> None:
    names = [BASELINE, *(arm.name for arm in sweep.arms)]
    for name in names:
        if not _NAME.fullmatch(name):
            raise WrongArgument(f"the arm '{name}' must have a name of letters, digits and any of _.=,-")
        if names.count(name) > 1:
            raise WrongArgument(f"two arms are called '{name}'; '{BASELINE}' is the config as it is")
    if not sweep.arms or not sweep.seeds or len(set(sweep.seeds)) < len(sweep.seeds):
        raise WrongArgument(f"a sweep needs at least one arm and one seed, and no seed twice: {sweep.seeds}")


def _resolve(
    values: ml_collections.ConfigDict, overrides: str | Sequence[str], arm: Arm, seed_keys: Sequence[str], seed: int
) -> Config:
    override(values, overrides)
    with naming(f"arm '{arm.name}'"):
        override(values, [f"{key}={value!r}" for key, value in arm.changes.items()])
        override(values, [f"{key}={seed}" for key in seed_keys])
        return narrow(values)


def digest(value: Any) -> str:
    """A hash of a JSON value, twelve hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
