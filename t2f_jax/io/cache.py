"""The cache folder of this machine, for everything that can be made or fetched again."""

import os
import pathlib
import tempfile


def folder(name: str) -> pathlib.Path:
    """The subfolder `name` of the cache: in $T2F_CACHE, else $XDG_CACHE_HOME/t2f_jax, else ~/.cache/t2f_jax.

    Without a home folder it is in the temporary folder. Creates nothing. In use: "programs", compiled by JAX;
    "buckets", local copies of gs:// folders and files; "prepared", metadata of faces that TFDS prepared.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    chosen = os.environ.get("T2F_CACHE") or f"{home}/t2f_jax"
    path = os.path.expanduser(chosen)
    return (temporary() if path.startswith("~") else pathlib.Path(path)) / name  # "~": no home folder


def temporary() -> pathlib.Path:
    """The user's own cache in the temporary folder or, if that is not writable, in the working directory."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    try:
        return pathlib.Path(tempfile.gettempdir()) / f"t2f_jax-{user}"
    except FileNotFoundError:
        return pathlib.Path(f".t2f_jax-{user}")


def is_usable(path: pathlib.Path) -> bool:
    """Whether this user owns the folder and can write in it; creates it if it is missing.

    JAX does not accept names with bytes that are not UTF-8.
    """
    try:
        str(path).encode()
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        own = not hasattr(os, "getuid") or os.getuid() == 0 or path.stat().st_uid == os.getuid()
    except (OSError, UnicodeEncodeError):
        return False
    return own and os.access(path, os.W_OK | os.X_OK)
