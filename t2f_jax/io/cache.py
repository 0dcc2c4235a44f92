"""The one folder of this machine in which this package keeps what it can make or fetch again."""

import os
import pathlib
import tempfile


def folder(name: str) -> pathlib.Path:
    """The subfolder `name` of the cache: of $T2F_CACHE, else of $XDG_CACHE_HOME/t2f_jax, else of ~/.cache/t2f_jax.

    A user without a home folder has it in the temporary folder. Nothing is made. In use: "programs", what JAX has
    compiled; "buckets", local copies of gs:// folders and files; "prepared", what is known of faces that TFDS prepared.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    chosen = os.environ.get("T2F_CACHE") or f"{home}/t2f_jax"
    path = os.path.expanduser(chosen)
    return (temporary() if path.startswith("~") else pathlib.Path(path)) / name  # "~" stays where no home is known


def temporary() -> pathlib.Path:
    """The user's own cache in the temporary folder, or, where none can be written, in the working directory."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    try:
        return pathlib.Path(tempfile.gettempdir()) / f"t2f_jax-{user}"
    except FileNotFoundError:
        return pathlib.Path(f".t2f_jax-{user}")


def is_usable(path: pathlib.Path) -> bool:
    """Whether this user can write in the folder, which is made if it is not there, and nobody else owns it.

    JAX takes no name with bytes that are not UTF-8.
    """
    try:
        str(path).encode()
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        own = not hasattr(os, "getuid") or os.getuid() == 0 or path.stat().st_uid == os.getuid()
    except (OSError, UnicodeEncodeError):
        return False
    return own and os.access(path, os.W_OK | os.X_OK)
