"""Packages that only metrics need, of the extra `eval`."""

import contextlib
from collections.abc import Iterator

from t2f_jax.errors import UserError


class MissingPackage(UserError):
    """A metric cannot be computed without a package that is not installed."""


@contextlib.contextmanager
def needed(package: str) -> Iterator[None]:
    """For the import of a package: raises MissingPackage, which says how to install it, if it is missing."""
    try:
        yield
    except ImportError as error:
        raise MissingPackage(f"the package {package} is missing ({error}); pip install 't2f_jax[eval]'") from error
