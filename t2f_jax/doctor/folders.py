"""Checks of the cache, disk space, datasets, and environment variables that affect commands."""

import os
import pathlib
import shutil

from t2f_jax import environment
from t2f_jax.data.datasets import registry
from t2f_jax.doctor.finding import Finding
from t2f_jax.io import cache

GIB = 2**30
LEAST_ROOM = GIB  # what `quickstart` writes, with some reserve
VARIABLES = ("T2F_", "JAX_", "XLA_FLAGS", "LIBTPU_INIT_ARGS", "CUDA_VISIBLE_DEVICES", "GLIBC_TUNABLES")


def check() -> list[Finding]:
    """Cache, disk, data, variables."""
    return [_cache(), _disk(), *_data(), _variables()]


def _cache() -> Finding:
    folder = cache.folder("programs")
    if not cache.is_usable(folder):
        mend = "set T2F_CACHE to a folder that you may write; until then every start compiles again"
        return Finding("cache", f"{folder} cannot be written", "optional", mend)
    files = [path for path in folder.parent.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    programs = sum(path.is_file() and path.name.endswith("-cache") for path in folder.iterdir())
    return Finding("cache", f"{folder.parent}: {programs} compiled programs, {size / GIB:.2f} GiB in all")


def _disk() -> Finding:
    here = pathlib.Path.cwd()
    free = shutil.disk_usage(here).free
    told = f"{free / GIB:.1f} GiB are free in {here}"
    if free >= LEAST_ROOM and os.access(here, os.W_OK):
        return Finding("disk", told)
    return Finding("disk", told, "optional", "give --out a folder on another disk")


def _data() -> list[Finding]:
    """Where datasets are searched for, and which are present."""
    root = registry.data_root()
    drawn = Finding("drawn faces", "always there: `t2f quickstart` needs no data")
    if not root:
        mend = "export T2F_DATA=FOLDER; `t2f data list NAME` shows how to get a dataset"
        return [drawn, Finding("datasets", "T2F_DATA is not set", "optional", mend)]
    if not pathlib.Path(root).expanduser().is_dir():
        return [drawn, Finding("datasets", f"T2F_DATA={root} is not a folder", "wrong", "correct it, or unset it")]
    found = [dataset.title for kind in registry.MODULES if registry.place(dataset := registry.find(kind))]
    if found:
        return [drawn, Finding("datasets", f"{', '.join(found)} in {root}")]
    mend = "`t2f data list NAME` shows how to get one, and what its folder is called"
    return [drawn, Finding("datasets", f"none in T2F_DATA={root}", "optional", mend)]


def _variables() -> Finding:
    own = {f"JAX_{name.upper()}" for name in environment.ASSUMED}  # set by every command
    names = sorted(name for name in os.environ if name.startswith(VARIABLES) and name not in own)
    return Finding(
        "variables",
        ", ".join(f"{name}={os.environ[name]}" for name in names) or "none that change what commands do",
    )
