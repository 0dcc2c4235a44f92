"""How codes or words are drawn, as options of a command line: the fields of a `sampler.Sampler`."""

import argparse
from collections.abc import Sequence
from typing import Any

WORDS = ("temperature", "top_k", "top_p", "min_p")
_HELP = {
    "temperature": "0 takes the most likely {0} each time, 1 samples as the model predicts",
    "final_temperature": "temperature at the last {0}, approached linearly",
    "top_k": "sample from the K most likely {0}s; 0 = all",
    "top_p": "sample from the most likely {0}s with this total probability; 1 = all",
    "min_p": "sample only {0}s whose probability is at least this share of the highest one",
    "guidance": "scale of classifier-free guidance; 1 = none",
    "number_guidance": "weight of a separate clause for each number in --attribute, such as the age; 0 = none",
}
FACES = tuple(_HELP)


def add(parser: argparse.ArgumentParser, names: Sequence[str], unit: str, default: str) -> None:
    """Adds the options `names`, fields of a `sampler.Sampler`; an option that is not given is None.

    Args:
      unit: what is drawn each time, for the help texts: "code" or "piece".
      default: what holds where an option is not given, for the help text.
    """
    group = parser.add_argument_group("sampling", default)
    for name in names:
        kind = int if name == "top_k" else float
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, help=_HELP[name].format(unit))


def given(args: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Those of the options `names` that were given, as keyword arguments of a `sampler.Sampler`."""
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}
