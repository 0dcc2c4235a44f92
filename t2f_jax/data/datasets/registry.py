"""Which datasets there are, and how a config's sources are opened."""

import os
import pathlib
from typing import Any

from t2f_jax.config.schema import Config, SourceConfig
from t2f_jax.data.datasets.base import Source
from t2f_jax.data.datasets.celeba import CelebA
from t2f_jax.data.datasets.synthetic.source import Synthetic
from t2f_jax.data.datasets.utkface import UTKFace
from t2f_jax.errors import UserError

_FOLDERS = {"celeba": ("CelebA", CelebA), "utkface": ("UTKFace", UTKFace)}


def make(config: SourceConfig, name: str, seed: int = 0) -> Source:
    """Opens the dataset that `data.sources.<name>` describes; `seed` is that of drawn faces.

    Raises:
      UserError: its folder is missing, or what lies there is not in the official layout.
    """
    if config.kind == "synthetic":
        return Synthetic(name, config.count, seed)
    if config.kind not in _FOLDERS:
        raise UserError(f"data.sources.{name}.kind='{config.kind}' must be one of synthetic, {', '.join(_FOLDERS)}")
    official, open_source = _FOLDERS[config.kind]
    root = data_root()
    if not config.folder and not root:
        raise UserError(
            f"where is {official}? set T2F_DATA to the folder that holds {official}/,"
            f" or data.sources.{name}.folder to itself"
        )
    folder = pathlib.Path(config.folder or pathlib.Path(root) / official).expanduser()
    if not folder.is_dir():
        raise UserError(
            f"{folder}: no such folder ({official} was looked for there); set T2F_DATA to the folder that holds"
            f" {official}/, or data.sources.{name}.folder to itself"
        )
    return open_source(name, folder)


def open_sources(config: Config) -> dict[str, Any]:
    """Opens the sources of nonzero weight, by name."""
    chosen = {k: v for k, v in config.data.sources.items() if v.weight > 0}
    if not chosen:
        raise UserError("no dataset to train on: a config needs data.sources.<name> with a weight above 0")
    return {name: make(source, name, config.data.seed) for name, source in chosen.items()}


def data_root() -> str:
    """Where datasets lie when a config names no folder: $T2F_DATA, or an empty string."""
    return os.environ.get("T2F_DATA", "")
