"""A small pair of the original's files and its model; models in JAX and in PyTorch."""

import importlib.util
import pathlib
import sys

import pytest
from hugging import make
from original_files import SMALL, small_pair

from t2f_jax.convert import huggingface, original
from t2f_jax.inference.model import Model


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return small_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def model(pair):
    return original.read_pair(*pair, SMALL)


@pytest.fixture(scope="module")
def modeling(torch):
    """The PyTorch file as a plain module, in a process that seems to lack transformers."""
    spec = importlib.util.spec_from_file_location(
        "modeling_talk2face", pathlib.Path(huggingface.__file__).with_name(huggingface.CODE)
    )
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "transformers", None)
        spec.loader.exec_module(module)
    assert module.PreTrainedModel is None
    return module


@pytest.fixture
def both(modeling, tmp_path):
    """A function: arguments of `hugging.make` -> the model in JAX and in PyTorch."""

    def export(*args, **kwargs):
        model = make(*args, **kwargs)
        huggingface.export(model, tmp_path / "hf")
        return Model(model), modeling.load(tmp_path / "hf")

    return export
