"""A small model, for all commands that need one."""

import pytest
import small_model

from t2f_jax import bundle


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A model folder."""
    path = tmp_path_factory.mktemp("models") / "model"
    bundle.save(path, small_model.make_bundle(prompt_dropout=0.1))
    return path
