"""The one folder of this machine in which this package keeps what it can make or fetch again."""

import os
import pathlib


def folder(name: str) -> pathlib.Path:
    """The subfolder `name` of the cache: of $T2F_CACHE, else of $XDG_CACHE_HOME/t2f_jax, else of ~/.cache/t2f_jax.

    Nothing is made. In use: "programs", what JAX has compiled; "buckets", local copies of gs:// folders and files.
    """
    home = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return pathlib.Path(os.environ.get("T2F_CACHE") or home / "t2f_jax").expanduser() / name
