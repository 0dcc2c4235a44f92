"""Packages: which are there, which are missing, and the line that installs them."""

import importlib.metadata
import sys

from packaging.requirements import Requirement

from t2f_jax.doctor import packages

METADATA = """Metadata-Version: 2.4
Name: t2f_jax
Version: 0.1.0
Provides-Extra: dev
Provides-Extra: beam
Requires-Dist: pytest>=1
Requires-Dist: nobody-has-this[fast]>=2; python_version >= '3'
Requires-Dist: not-for-this-python; python_version < '3'
Requires-Dist: pytest>=1000; extra == 'dev'
Requires-Dist: numpy>=1; extra == 'beam'
"""


def test_required_packages_then_extras(tmp_path, monkeypatch):
    (tmp_path / "METADATA").write_text(METADATA)
    about = importlib.metadata.PathDistribution(tmp_path)
    others = importlib.metadata.distribution
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: about if name == "t2f_jax" else others(name))
    python, package, required, beam, dev = packages.check()
    assert python.name == "python" and package.told.startswith("0.1.0 at ")
    assert (required.name, required.state, required.told) == ("required", "wrong", "nobody-has-this is missing")
    assert required.mend == f"{sys.executable} -m pip install 'nobody-has-this[fast]>=2'"
    assert (beam.name, beam.state) == ("beam", "ok") and beam.told.startswith("numpy ")
    assert dev.state == "optional" and dev.told.endswith("is not >=1000 (for tests, lint and types)")


def test_a_package_with_extras_needs_what_they_add(monkeypatch):
    added = {"pytest": ["nobody-has-this>=1; extra == 'fast'", "neither-this; extra == 'slow'"]}
    monkeypatch.setattr(importlib.metadata, "requires", added.get)
    found = packages._of([Requirement("pytest[fast]")], "cuda", False)
    assert found.state == "optional" and found.told == "nobody-has-this is missing (for NVIDIA GPUs)"


def test_every_extra_is_told_what_it_is_for(monkeypatch):
    import pathlib
    import tomllib

    project = tomllib.loads((pathlib.Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert set(project["optional-dependencies"]) <= set(packages.EXTRAS)


def test_a_package_that_is_not_installed_is_wrong(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    assert packages.check()[-1].state == "wrong"


def test_the_line_that_installs():
    assert packages.install([Requirement("a>=1,<3"), Requirement("b")]).endswith("-m pip install 'a<3,>=1' b")
