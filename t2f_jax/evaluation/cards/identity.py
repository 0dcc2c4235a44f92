"""Which model was measured, by which program, when: what a card states besides its protocol."""

import datetime
import pathlib
import subprocess
from collections.abc import Mapping
from typing import Any

import t2f_jax


def describe(name: str, weights: str, versions: Mapping[str, str]) -> dict[str, Any]:
    """The identity of a card, plain JSON.

    Args:
      name, weights: of the model: its name, and the hash of its weights.
      versions: of the packages.
    """
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    model = {"name": name, "weights": weights}
    return {"model": model, "program": program(), "versions": dict(versions), "created": created}


def program(folder: pathlib.Path | None = None) -> dict[str, Any]:
    """The version of this package; in a git checkout also its commit and whether files were "modified".

    Args:
      folder: of the checkout.
    """
    folder = folder or pathlib.Path(t2f_jax.__file__).parent.parent
    found: dict[str, Any] = {"version": t2f_jax.__version__}
    if (folder / ".git").exists():
        commit, changes = _git(folder, "rev-parse", "HEAD"), _git(folder, "status", "--porcelain", "-uno")
        if commit is not None and changes is not None:
            found |= {"commit": commit, "modified": bool(changes)}
    return found


def _git(folder: pathlib.Path, *command: str) -> str | None:
    """What git prints; None if it is not installed or fails."""
    try:
        done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
