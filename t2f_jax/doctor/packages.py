"""Checks of Python, required packages, and those of the extras: versions, and what is missing."""

import importlib.metadata
import platform
import shlex
import sys
from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement

from t2f_jax import __version__
from t2f_jax.doctor.finding import Finding

PACKAGE = "t2f_jax"
EXTRAS = {  # the purpose of each; those not named here are for development
    "tpu": "training on TPUs, and `t2f plan` for those that are not there",
    "cuda": "NVIDIA GPUs",
    "torch": "comparing with PyTorch",
    "wordpiece": "the original's vocabulary",
    "beam": "preparing millions of images by TFDS and Apache Beam",
    "demo": "the web page `t2f demo`",
    "eval": "some metrics of `t2f evaluate`",
    "dev": "tests, lint and types",
}


def check() -> list[Finding]:
    """Python, then the required packages, then each extra."""
    python = Finding("python", f"{platform.python_version()} at {sys.executable}, {platform.platform()}")
    try:
        about = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return [python, Finding(PACKAGE, "not installed", "wrong", "pip install -e . in its clone")]
    needed = [Requirement(text) for text in about.requires or ()]
    extras = sorted(about.metadata.get_all("Provides-Extra") or (), key=lambda extra: (extra == "dev", extra))
    required = [one for one in needed if not one.marker or one.marker.evaluate({"extra": ""})]
    findings = [python, Finding(PACKAGE, f"{__version__} at {about.locate_file('')}"), _of(required, "required", True)]
    for extra in extras:
        own = [one for one in needed if one not in required and one.marker and one.marker.evaluate({"extra": extra})]
        findings.append(_of(own, extra, False))
    return findings


def _of(requirements: Iterable[Requirement], name: str, needed: bool) -> Finding:
    """Which requirements are met, and the command that installs the others."""
    met, missing = [], []
    for one in _with_extras(requirements):
        try:
            version = importlib.metadata.version(one.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append((one, f"{one.name} is missing"))
            continue
        if one.specifier.contains(version, prereleases=True):
            met.append(f"{one.name} {version}")
        else:
            missing.append((one, f"{one.name} {version} is not {one.specifier}"))
    if not missing:
        return Finding(name, ", ".join(met) or "nothing for this system")
    told = "; ".join(why for _, why in missing)
    purpose = "" if needed else f" (for {EXTRAS.get(name, 'work on the package')})"
    return Finding(name, f"{told}{purpose}", "wrong" if needed else "optional", install([one for one, _ in missing]))


def _with_extras(requirements: Iterable[Requirement]) -> Iterator[Requirement]:
    """The requirements, each followed by those that its extras add, such as jax[cuda13]."""
    for one in requirements:
        yield one
        try:
            added = map(Requirement, importlib.metadata.requires(one.name) or ()) if one.extras else ()
        except importlib.metadata.PackageNotFoundError:
            continue
        for inner in added:
            if inner.marker and any(inner.marker.evaluate({"extra": extra}) for extra in one.extras):
                yield from _with_extras([inner])


def install(requirements: Iterable[Requirement]) -> str:
    """The command that installs them into this Python."""
    words = []
    for one in requirements:
        extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
        words.append(f"{one.name}{extras}{one.specifier}")
    return shlex.join([sys.executable, "-m", "pip", "install", *words])
