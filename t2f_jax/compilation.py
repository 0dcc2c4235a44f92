"""Compiled programs are kept on disk, so that the second run starts at once."""

import os
import pathlib
import sys

SETTINGS = {
    "jax_persistent_cache_min_compile_time_secs": 0.2,  # JAX keeps what took a second; a start has many smaller ones
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


def cache_folder() -> pathlib.Path:
    """$XDG_CACHE_HOME/t2f_jax/programs, in ~/.cache where that is not set."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "t2f_jax" / "programs"


def keep_programs() -> None:
    """Switches JAX's persistent compilation cache on, in `cache_folder`, unless the user has given it a folder.

    Programs are found again by their code, JAX's version, the compiler's flags and the machine. Another folder:
    JAX_COMPILATION_CACHE_DIR; none at all: JAX_ENABLE_COMPILATION_CACHE=false.
    """
    if "jax" not in sys.modules:  # read when it is imported
        for name, value in {"jax_compilation_cache_dir": cache_folder(), **SETTINGS}.items():
            os.environ.setdefault(name.upper(), str(value))
        return
    import jax

    if jax.config.jax_compilation_cache_dir is None:  # pyright: ignore[reportAttributeAccessIssue]
        for name, value in {"jax_compilation_cache_dir": str(cache_folder()), **SETTINGS}.items():
            jax.config.update(name, value)
