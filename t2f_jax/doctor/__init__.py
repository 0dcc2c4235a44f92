"""Checks the installation: packages, the machine, folders. Each check returns findings with their remedies.

    finding    the result of one check, and what to do about it
    packages   Python, the packages that this one needs, those of its extras
    machine    JAX's devices, accelerators that it does not use, cores, memory
    folders    the cache, disk space, datasets, environment variables

Read first: `examine`.
"""

from t2f_jax.doctor.finding import Finding


def examine() -> dict[str, list[Finding]]:
    """All findings by topic. Initializes JAX's devices."""
    from t2f_jax.doctor import folders, machine, packages

    return {"packages": packages.check(), "machine": machine.check(), "folders": folders.check()}
