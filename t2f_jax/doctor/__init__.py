"""What is here and what is missing: packages, the machine, folders. Each check gives findings with what mends them.

    finding    one thing that was looked at, and what to do about it
    packages   Python, the packages that this one needs, those of its extras
    machine    JAX's devices, accelerators that it does not use, cores, memory
    folders    the cache, room on the disk, datasets, variables that are set

Read first: `examine`.
"""

from t2f_jax.doctor.finding import Finding


def examine() -> dict[str, list[Finding]]:
    """All findings by topic. JAX's devices are started."""
    from t2f_jax.doctor import folders, machine, packages

    return {"packages": packages.check(), "machine": machine.check(), "folders": folders.check()}
