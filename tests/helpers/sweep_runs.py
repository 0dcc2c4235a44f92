"""Synthetic results of a sweep."""

import dataclasses

import numpy as np

from t2f_jax.config.schema import Config
from t2f_jax.config.sweep import BASELINE, Arm, Sweep, Trial
from t2f_jax.evaluation.figure import Figure
from t2f_jax.experiments.sweeps.results import Result

ARMS = (
    Arm("causal", {"decoder.model.mask": "causal"}, "Must the prefix see all?", "mask"),
    Arm("wide", {}),
    Arm("x", {}),
)
SWEEP = Sweep(ARMS, ("held_out/loss", "attributes/accuracy"))


def trial(arm, seed):
    config = Config()
    train = dataclasses.replace(config.decoder.train, seed=seed, steps=100 + len(arm.name))
    return Trial(arm, seed, dataclasses.replace(config, decoder=dataclasses.replace(config.decoder, train=train)))


def result(loss, accuracy, parameters=1000.0, protocol="held-out loss|of:a"):
    figures = [
        Figure("held_out/loss", loss, 64, "nats", "lower", protocol),
        Figure("attributes/accuracy", accuracy, 200, "share", "higher", "accuracy|version:1"),
    ]
    steps = np.linspace(10, 100, 4)
    costs = {"steps": 100.0, "parameters": parameters, "tokens": 1e4, "model_flops": 1e4 * parameters, "seconds": 60.0}
    curve = {"step": steps.tolist(), "model_flops": (100 * parameters * steps).tolist()}
    curve["loss"] = (loss * (1 + 1 / steps)).tolist()
    return Result({figure.name: figure for figure in figures}, costs, curve)


def found():
    """Causal is clearly worse, wide is slightly better by chance, x was measured on other codes."""
    noise = {0: 0.0, 1: 0.02, 2: -0.01}
    rows = []
    for seed, shift in noise.items():
        rows.append((trial(Arm(BASELINE, {}), seed), result(0.6 + shift, 0.9 - shift)))
        rows.append((trial(ARMS[0], seed), result(0.8 + shift + seed / 1000, 0.8 - shift + seed / 1000)))
        rows.append((trial(ARMS[1], seed), result(0.6 - 2 * shift, 0.9 + 2 * shift, 1500.0)))
        rows.append((trial(ARMS[2], seed), result(0.1 + shift, 0.7, protocol="held-out loss|of:b")))
    return rows
